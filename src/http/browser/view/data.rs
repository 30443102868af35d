//! The merchant's JSON as people read it: a list as a table, an object as its fields.
//!
//! Next to a `currency`, a whole number is taken as minor units (cents), as in Stripe's API, and a
//! decimal one or a string as the currency's own unit.

use serde_json::{Map, Value};

use super::text::Locale;

mod cell;
mod envelope;
mod key;
mod tone;

pub use cell::Cell;
pub(super) use key::humanise;

/// The most rows of one table.
const MAX_ROWS: usize = 100;
/// The most columns of one table.
const MAX_COLUMNS: usize = 12;
/// The most fields of one object.
const MAX_FIELDS: usize = 60;
/// The most sections of one page.
const MAX_SECTIONS: usize = 12;
/// A page of the merchant's data.
#[derive(Debug, Default)]
pub struct Data {
    /// The parts of the page.
    pub sections: Vec<Section>,
    /// Whether something was left out for its size.
    pub cut: bool,
    /// Whether the list says that it goes on.
    pub has_more: bool,
    /// The list's own cursor for what follows.
    pub next_cursor: Option<String>,
}

/// A part of the page.
#[derive(Debug)]
pub struct Section {
    /// Its heading; the first part has none.
    pub title: Option<String>,
    /// What it shows.
    pub block: Block,
}

/// How a part is laid out.
#[derive(Debug)]
pub enum Block {
    /// An object.
    Fields(Vec<Field>),
    /// A list of objects.
    Table(Table),
    /// A list of anything else.
    List(Vec<Cell>),
}

/// A named value.
#[derive(Debug)]
pub struct Field {
    /// The name, for people.
    pub label: String,
    /// The value.
    pub cell: Cell,
}

/// Rows of equal length; each cell knows the name of its column.
#[derive(Debug)]
pub struct Table {
    /// The names of the columns, and whether they hold numbers.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Vec<Field>>,
}

/// The head of a column.
#[derive(Debug)]
pub struct Column {
    /// The name, for people.
    pub label: String,
    /// Whether its cells are numbers, which align at the end.
    pub numeric: bool,
}

impl Data {
    /// Lays out what the merchant's service answered.
    pub fn new(json: &Value, locale: Locale) -> Self {
        let mut data = Self::default();
        let (content, envelope) = envelope::open(json);
        if let Some(envelope) = envelope {
            data.has_more = envelope::has_more(envelope);
            data.next_cursor = envelope::next_cursor(envelope).or_else(|| last_id(content));
        }
        match content {
            Value::Object(object) => data.add_object(object, locale),
            Value::Array(items) => data.add_list(None, items, locale),
            other => data.add_list(None, std::slice::from_ref(other), locale),
        }
        data
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.sections.is_empty()
    }

    /// An object's own fields first, then each object or list of objects in it under its name.
    fn add_object(&mut self, object: &Map<String, Value>, locale: Locale) {
        let (parts, own): (Vec<_>, Vec<_>) =
            object.iter().filter(|(key, value)| shown(key) && !is_blank(value)).partition(|(_, value)| is_part(value));
        self.add_fields(None, object, &own, locale);
        for (key, value) in parts {
            let title = Some(humanise(key));
            match value {
                Value::Object(part) => {
                    let fields: Vec<_> = part.iter().filter(|(_, value)| !is_blank(value)).collect();
                    self.add_fields(title, part, &fields, locale);
                }
                Value::Array(items) => self.add_list(title, items, locale),
                _ => {}
            }
        }
    }

    fn add_fields(
        &mut self,
        title: Option<String>,
        of: &Map<String, Value>,
        fields: &[(&String, &Value)],
        locale: Locale,
    ) {
        self.cut |= fields.len() > MAX_FIELDS;
        let fields: Vec<Field> = fields.iter().take(MAX_FIELDS).map(|(key, _)| field(of, key, locale)).collect();
        if !fields.is_empty() {
            self.push(title, Block::Fields(fields));
        }
    }

    fn add_list(&mut self, title: Option<String>, items: &[Value], locale: Locale) {
        self.cut |= items.len() > MAX_ROWS;
        let items: Vec<&Value> = items.iter().take(MAX_ROWS).filter(|item| !is_blank(item)).collect();
        let objects: Vec<_> = items.iter().filter_map(|item| item.as_object()).collect();
        if items.is_empty() {
        } else if objects.len() == items.len() {
            let table = self.table(&objects, locale);
            self.push(title, Block::Table(table));
        } else {
            let cells = items.iter().map(|item| Cell::new("", item, &Map::new(), locale)).collect();
            self.push(title, Block::List(cells));
        }
    }

    fn table(&mut self, objects: &[&Map<String, Value>], locale: Locale) -> Table {
        let mut keys: Vec<&String> = Vec::new();
        for (key, value) in objects.iter().flat_map(|object| object.iter()) {
            if shown(key) && !is_blank(value) && !keys.contains(&key) {
                if keys.len() == MAX_COLUMNS {
                    self.cut = true;
                    break;
                }
                keys.push(key);
            }
        }
        let rows: Vec<Vec<Field>> =
            objects.iter().map(|object| keys.iter().map(|key| field(object, key, locale)).collect()).collect();
        let columns = keys
            .iter()
            .enumerate()
            .map(|(i, key)| Column {
                label: humanise(key),
                numeric: rows
                    .iter()
                    .filter_map(|row| row.get(i))
                    .all(|f| matches!(f.cell, Cell::Number(_) | Cell::None)),
            })
            .collect();
        Table { columns, rows }
    }

    fn push(&mut self, title: Option<String>, block: Block) {
        if self.sections.len() < MAX_SECTIONS {
            self.sections.push(Section { title, block });
        } else {
            self.cut = true;
        }
    }
}

/// The cursor of a list that names none: the id of the last entry that is shown.
fn last_id(list: &Value) -> Option<String> {
    let rows = list.as_array()?;
    envelope::cursor(rows[..rows.len().min(MAX_ROWS)].last()?.get("id")?)
}

fn field(object: &Map<String, Value>, key: &str, locale: Locale) -> Field {
    let value = object.get(key).unwrap_or(&Value::Null);
    Field { label: humanise(key), cell: Cell::new(key, value, object, locale) }
}

/// `object` names the kind of thing for programs; people see it.
fn shown(key: &str) -> bool {
    key != "object"
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(object) => object.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a value inside an object is large enough for a part of its own.
fn is_part(value: &Value) -> bool {
    match value {
        Value::Object(object) => cell::money(object, Locale::En).is_none(),
        Value::Array(items) => items.iter().any(Value::is_object),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table(json: &Value) -> (Table, bool) {
        let mut data = Data::new(json, Locale::En);
        assert_eq!(data.sections.len(), 1);
        let Block::Table(table) = data.sections.remove(0).block else { panic!("no table") };
        (table, data.cut)
    }

    #[test]
    fn a_list_is_a_table() {
        let (table, cut) = table(&json!([{"id": "a", "n": 1}, {"id": "b", "extra": true, "empty": null}]));
        let labels: Vec<_> = table.columns.iter().map(|c| c.label.as_str()).collect();
        assert_eq!(labels.len(), 3, "a column without any value is left out: {labels:?}");
        assert!(table.rows.iter().all(|row| row.len() == 3));
        assert!(table.columns.iter().any(|c| c.label == "N" && c.numeric));
        assert!(!cut);
    }

    #[test]
    fn an_object_is_fields_and_parts() {
        let data = Data::new(
            &json!({"plan": "Pro", "usage": {"calls": 3}, "price": {"amount": 900, "currency": "eur"}, "tags": ["a", "b"],
                    "days": [{"day": "2026-01-01", "calls": 3}]}),
            Locale::En,
        );
        let titles: Vec<_> = data.sections.iter().map(|s| s.title.as_deref()).collect();
        assert_eq!(titles.len(), 3);
        assert_eq!(titles[0], None);
        assert!(titles.contains(&Some("Usage")) && titles.contains(&Some("Days")));
    }

    #[test]
    fn nothing_is_nothing() {
        for json in
            [json!([]), json!({}), json!(null), json!({"data": []}), json!([{}, null]), json!({"a": null, "b": ""})]
        {
            assert!(Data::new(&json, Locale::En).is_empty(), "{json}");
        }
        assert!(!Data::new(&json!("text"), Locale::En).is_empty());
        assert!(!Data::new(&json!([1, "a"]), Locale::En).is_empty());
    }

    #[test]
    fn size_is_bounded() {
        let wide: Map<String, Value> = (0..200).map(|i| (format!("k{i}"), json!(i))).collect();
        let (table, cut) = table(&json!(vec![json!(wide); 500]));
        assert_eq!((table.rows.len(), table.columns.len(), cut), (MAX_ROWS, MAX_COLUMNS, true));
        let deep: Map<String, Value> = (0..200).map(|i| (format!("k{i}"), json!({"a": 1}))).collect();
        let data = Data::new(&Value::Object(deep), Locale::En);
        assert_eq!((data.sections.len(), data.cut), (MAX_SECTIONS, true));
        let data = Data::new(&Value::Object(wide), Locale::En);
        assert!(matches!(&data.sections[0].block, Block::Fields(f) if f.len() == MAX_FIELDS));
    }
}
