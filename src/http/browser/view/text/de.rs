//! German.

use super::{PerTab, Text, Wording};

/// The wording.
pub(super) static TEXT: Text = Text {
    skip: "Zum Inhalt springen",
    signed_in_as: "Angemeldet als",
    until: "bis",
    sign_out: "Abmelden",
    return_to: |name| format!("Zurück zu {name}"),
    try_again: "Erneut versuchen",
    reference: "Referenz:",
    preview_mode: "Vorschau",
    preview_note: "Sie sehen das Portal so, wie dieser Kunde es sähe.",
    sections: "Portal",

    landing_title: |name| format!("Weiter zu {name}"),
    landing_lead: "Dies ist ein persönlicher Link. Er gilt nur einmal; fahren Sie daher in dem Browser fort, den Sie benutzen möchten.",
    landing_lead_redirect: "Sie werden angemeldet. Falls nichts geschieht, benutzen Sie die Schaltfläche.",
    link_for: "Dieser Link ist für",
    valid_until: "Gültig bis",
    go_on: "Weiter",
    landing_note: "Das sind nicht Sie? Schließen Sie einfach diese Seite. Ohne Ihr Zutun geschieht nichts.",

    tabs: PerTab(["Schlüssel", "Auswertung", "Abrechnung", "Dokumentation"]),
    tab_leads: PerTab([
        "Die API-Schlüssel Ihres Kontos.",
        "Wie Ihr Konto genutzt wird.",
        "Ihre Abonnements, Rechnungen und Zahlungen.",
        "Anleitungen und Referenz für Ihre Integration.",
    ]),
    billing: ["Abonnements", "Rechnungen"],
    nothing_yet: PerTab([
        "Noch keine Schlüssel",
        "Noch keine Nutzung",
        "Noch keine Abrechnungen",
        "Noch keine Dokumente",
    ]),
    nothing_yet_note: "Sobald es etwas gibt, finden Sie es hier.",
    not_connected: "Hier ist noch nichts angeschlossen",
    not_connected_note: |name| {
        format!(
            "{name} hat für diese Seite noch keine Datenquelle angeschlossen. Sobald das geschehen ist, erscheinen hier Ihre Daten."
        )
    },
    not_connected_preview: "Nur in der Vorschau: Setzen Sie die upstreamUrl des Portals, um hier Ihre eigenen Daten zu zeigen.",

    upstream_title: "Ihre Daten konnten nicht geladen werden",
    upstream: [
        "Der Dienst, bei dem sie liegen, war nicht erreichbar. Bitte versuchen Sie es gleich noch einmal.",
        "Der Dienst, bei dem sie liegen, hat zu lange nicht geantwortet. Bitte versuchen Sie es gleich noch einmal.",
        "Der Dienst, bei dem sie liegen, hat einen Fehler gemeldet. Bitte versuchen Sie es gleich noch einmal.",
    ],
    first_page: "Erste Seite",
    next: "Weiter",
    pages: "Seiten",
    cut: "Es wird nicht alles gezeigt, da es mehr gibt, als auf eine Seite passt.",
    yes: "Ja",
    no: "Nein",
    none: "Keine",
    entries: |n| {
        if n == 1 { "1 Eintrag".into() } else { format!("{n} Einträge") }
    },

    access: "Ihr Zugang",
    access_lead: "Wer hier angemeldet ist, was diese Sitzung darf und wie lange.",
    account: "Konto",
    name: "Name",
    email: "E-Mail",
    portal: "Portal",
    since: "Seit",
    ip_address: "IP-Adresse",
    device: "Browser",
    abilities: "Was Sie dürfen",
    no_abilities: "Diese Sitzung darf sich umsehen, aber nichts lesen oder ändern.",
    actions: [
        "Alles im Portal",
        "API-Schlüssel sehen",
        "API-Schlüssel anlegen",
        "API-Schlüssel ändern",
        "API-Schlüssel löschen",
        "Nutzungsauswertung sehen",
        "Abrechnungsdaten sehen",
        "Rechnungen sehen",
        "Abonnements sehen",
        "Abonnements kündigen",
    ],
    sign_out_note: "Mit dem Abmelden endet diese Sitzung sofort. Um zurückzukommen, brauchen Sie einen neuen Link.",

    link_over: Wording {
        title: "Dieser Link gilt nicht mehr",
        what: "Er wurde schon benutzt, oder seine Zeit ist abgelaufen. Links gelten nur einmal und nur kurz, damit niemand anderes Ihren benutzen kann.",
        help: "Einen neuen bekommen Sie dort, wo Sie diesen Link gefunden haben: Öffnen Sie das Portal von dort noch einmal, oder fragen Sie, wer ihn geschickt hat.",
    },
    link_unknown: Wording {
        title: "Dieser Link ist ungültig",
        what: "Vielleicht wurde er zurückgezogen, oder es fehlt ein Stück, wie es beim Kopieren aus einer E-Mail vorkommt.",
        help: "Prüfen Sie, ob er vollständig ist, oder bitten Sie den Absender um einen neuen.",
    },
    session_expired: Wording {
        title: "Sitzung abgelaufen",
        what: "Ihre Sitzung ist beendet, daher kann diese Seite nicht mehr gezeigt werden.",
        help: "Um sich wieder anzumelden, öffnen Sie das Portal von dort, woher Sie kamen, oder bitten Sie um einen neuen Link.",
    },
    tab_forbidden: Wording {
        title: "Diese Seite ist für Sie nicht freigegeben",
        what: "Ihre Sitzung umfasst nicht, was hier gezeigt wird.",
        help: "Wenn Sie es brauchen, wenden Sie sich an den, der Ihnen den Zugang gegeben hat.",
    },
    cross_site: Wording {
        title: "Diese Anfrage wurde angehalten",
        what: "Sie kam von einer anderen Website, oder Ihr Browser hat nicht gesagt, woher. Zu Ihrer Sicherheit ist nichts geschehen.",
        help: "Öffnen Sie Ihren Link oder das Portal noch einmal und benutzen Sie dort die Schaltfläche.",
    },
    not_found: Wording {
        title: "Seite nicht gefunden",
        what: "Unter dieser Adresse gibt es keine Seite.",
        help: "Prüfen Sie die Adresse, oder gehen Sie dorthin zurück, woher Sie kamen.",
    },
    too_many_requests: Wording {
        title: "Zu viele Anfragen",
        what: "Aus Ihrem Netz kamen in kurzer Zeit mehr Anfragen, als wir annehmen können.",
        help: "Bitte warten Sie eine Minute und versuchen Sie es dann erneut.",
    },
    internal: Wording {
        title: "Etwas ist schiefgegangen",
        what: "Der Fehler liegt bei uns, nicht bei Ihnen.",
        help: "Bitte versuchen Sie es erneut. Geschieht es wieder, nennen Sie uns die Referenz unten.",
    },
    unavailable: Wording {
        title: "Wir sind gleich wieder da",
        what: "Das Portal ist im Moment nicht verfügbar.",
        help: "Bitte versuchen Sie es in ein paar Sekunden erneut.",
    },
    signed_out: Wording {
        title: "Sie sind abgemeldet",
        what: "Dieser Browser kann das Portal nicht mehr öffnen.",
        help: "Um zurückzukommen, öffnen Sie das Portal von dort, woher Sie kamen, oder bitten Sie um einen neuen Link.",
    },

    months: [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
    date: |day, month, year| format!("{day}. {month} {year}"),
    date_time: ", ",
    thousands: '.',
    decimal: ',',
};
