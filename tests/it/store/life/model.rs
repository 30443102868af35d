//! What must come of every operation on sessions, without a database.

use vestibule::domain::event::EventType;
use vestibule::domain::session::Status;
use vestibule::domain::time::{Seconds, Timestamp};
use vestibule::store::{REPEAT_WINDOW, StatusFilter};

use super::ops::{Op, Secret, Start};
use super::trail::order;
use crate::store::bench::later;

/// How long a link can be exchanged.
pub(super) const LINK_TTL: Seconds = Seconds(900);
/// A sweep leaves what was over for less.
pub(super) const KEPT: Seconds = Seconds::days(30);
/// A sweep may leave what was made less than this before what it removes: its partition is still in use.
const STRAGGLERS: Seconds = Seconds::days(3);

/// An entry of the trail: what happened to which session, and whether it was a repeat.
pub(super) type Told = (EventType, Option<usize>, bool);

/// What an operation must give: how many sessions it changed, and what it told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) done: u64,
    pub(super) told: Vec<Told>,
}

/// What is known of a session.
#[derive(Clone, Debug)]
pub(super) struct Life {
    customer: usize,
    portal: usize,
    made_at: Timestamp,
    link: bool,
    link_ends: Timestamp,
    ttl: Seconds,
    pub(super) opened_at: Option<Timestamp>,
    pub(super) used_at: Option<Timestamp>,
    /// The browser secrets that it has had; the last one counts.
    pub(super) secrets: Vec<String>,
    nonce: Option<u8>,
    pub(super) first_used: bool,
    pub(super) ended_at: Option<Timestamp>,
    pub(super) is_gone: bool,
}

/// What a sweep does to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    Goes,
    /// As the store's partitions have it.
    Either,
}

impl Life {
    pub(super) fn browser_ends(&self) -> Option<Timestamp> {
        self.used_at.map(|at| at.plus(self.ttl))
    }

    fn ends(&self) -> Timestamp {
        self.ended_at.or(self.browser_ends()).unwrap_or(self.link_ends)
    }

    /// Where it stands; `None` when it is gone.
    pub(super) fn status(&self, now: Timestamp) -> Option<Status> {
        let status = match (self.browser_ends(), self.ended_at) {
            (_, Some(_)) => Status::Ended,
            (Some(ends), _) if now < ends => Status::Active,
            (None, _) if now < self.link_ends && self.opened_at.is_none() => Status::Pending,
            (None, _) if now < self.link_ends => Status::Opened,
            _ => Status::Expired,
        };
        (!self.is_gone).then_some(status)
    }

    pub(super) fn is_in(&self, filter: StatusFilter, now: Timestamp) -> bool {
        let Some(status) = self.status(now) else { return false };
        match filter {
            StatusFilter::All => true,
            StatusFilter::Unused => matches!(status, Status::Pending | Status::Opened),
            StatusFilter::Live => matches!(status, Status::Pending | Status::Opened | Status::Active),
            StatusFilter::Only(wanted) => status == wanted,
        }
    }

    /// The text of that browser secret.
    pub(super) fn secret(&self, which: Secret) -> &str {
        let at = match which {
            Secret::Latest => self.secrets.len().checked_sub(1),
            Secret::Replaced => self.secrets.len().checked_sub(2),
            Secret::Wrong => None,
        };
        at.map_or("wrong", |at| &self.secrets[at])
    }

    fn holds(&self, which: Secret) -> bool {
        !self.is_gone && !self.secrets.is_empty() && which == Secret::Latest
    }

    /// What a sweep at `now` does to it.
    pub(super) fn fate(&self, now: Timestamp) -> Fate {
        let over = now.minus(KEPT);
        match self.ends() < over {
            false => Fate::Stays,
            true if self.made_at < over.minus(STRAGGLERS) => Fate::Goes,
            true => Fate::Either,
        }
    }
}

/// Everything that there is.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) now: Timestamp,
    pub(super) lives: Vec<Life>,
    pub(super) enabled: [bool; 2],
    /// Whether each customer was seen before, and is there.
    pub(super) known: [bool; 2],
    pub(super) exists: [bool; 2],
}

impl Model {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { now, lives: Vec::new(), enabled: [true; 2], known: [false; 2], exists: [false; 2] }
    }

    /// The session that an operation means, counted from the newest; `None` for one that never was.
    pub(super) fn pick(&self, back: usize) -> Option<usize> {
        self.lives.len().checked_sub(back + 1)
    }

    /// Carries an operation out; `secret` is what an exchange would start.
    pub(super) fn apply(&mut self, op: &Op, secret: &str) -> Outcome {
        let now = self.now;
        let picked = op.session().and_then(|back| self.pick(back)).filter(|at| !self.lives[*at].is_gone);
        let life = picked.map(|at| &mut self.lives[at]);
        match (*op, life) {
            (Op::Create { customer, portal, start, named, ttl }, _) => self.create(customer, portal, start, named, ttl),
            (Op::Open { right, .. }, Some(life)) => {
                let works = right && life.link && life.opened_at.is_none() && life.used_at.is_none();
                if !works || now >= life.link_ends {
                    return Outcome::default();
                }
                life.opened_at = Some(now);
                Outcome::one(EventType::SessionOpened, picked, false)
            }
            (Op::Exchange { right, nonce, .. }, Some(life)) => {
                let works = right && life.link && life.used_at.is_none() && self.enabled[life.portal];
                if !works || now >= life.link_ends {
                    return Outcome::default();
                }
                (life.used_at, life.nonce) = (Some(now), nonce);
                life.secrets.push(secret.to_owned());
                Outcome::one(EventType::SessionExchanged, picked, false)
            }
            (Op::Repeat { right, nonce, .. }, Some(life)) => {
                let same = nonce.is_some() && nonce == life.nonce && right && life.link;
                let fresh = life.used_at.is_some_and(|at| now <= at.plus(REPEAT_WINDOW)) && !life.first_used;
                let active = life.status(now) == Some(Status::Active) && self.enabled[life.portal];
                if !(same && fresh && active) {
                    return Outcome::default();
                }
                life.secrets.push(secret.to_owned());
                Outcome::one(EventType::SessionExchanged, picked, true)
            }
            (Op::FirstUse { secret, .. }, Some(life)) if life.holds(secret) && !life.first_used => {
                life.first_used = true;
                Outcome { done: 1, told: vec![] }
            }
            (Op::End { secret, .. }, Some(life)) => {
                if !life.holds(secret) || life.status(now) != Some(Status::Active) {
                    return Outcome::default();
                }
                life.ended_at = Some(now);
                Outcome::one(EventType::SessionEnded, picked, false)
            }
            (Op::Revoke { .. }, Some(_)) => self.revoke(|at, _| Some(at) == picked),
            (Op::RevokeAll { customer, live, portal }, _) => {
                let wanted = if live { StatusFilter::Live } else { StatusFilter::All };
                self.revoke(|_, life| {
                    let there = portal.is_none_or(|portal| life.portal == portal);
                    life.customer == customer && there && life.is_in(wanted, now)
                })
            }
            (Op::Switch { portal }, _) => {
                self.enabled[portal] = !self.enabled[portal];
                Outcome::one(EventType::PortalUpdated, None, false)
            }
            (Op::Erase { customer }, _) if self.exists[customer] => {
                self.exists[customer] = false;
                self.revoke(|_, life| life.customer == customer);
                Outcome::one(EventType::CustomerDeleted, None, false)
            }
            (Op::Pass { millis }, _) => self.pass_to(later(now, millis)),
            (Op::PassTo { edge, off, .. }, Some(life)) => {
                let repeats_end = life.used_at.map_or(life.link_ends, |at| at.plus(REPEAT_WINDOW));
                let at = [repeats_end, life.ends(), life.ends().plus(KEPT)][edge];
                self.pass_to(later(at, off))
            }
            _ => Outcome::default(),
        }
    }

    fn create(&mut self, customer: usize, portal: usize, start: Start, named: bool, ttl: Seconds) -> Outcome {
        let now = self.now;
        let mut outcome = Outcome::default();
        if let Start::Replace { only } = start {
            outcome = self.revoke(|_, life| {
                let there = only.is_none_or(|only| life.portal == only);
                life.customer == customer && there && life.is_in(StatusFilter::Unused, now)
            });
        }
        // By an id only whom there is; by name anybody.
        if self.known[customer] && !named && !self.exists[customer] {
            return outcome;
        }
        (self.known[customer], self.exists[customer]) = (true, true);
        let token = start == Start::Token;
        outcome.done += 1;
        outcome.told.push((EventType::SessionCreated, Some(self.lives.len()), false));
        self.lives.push(Life {
            customer,
            portal,
            made_at: now,
            link: !token,
            link_ends: now.plus(if token { ttl } else { LINK_TTL }),
            ttl,
            opened_at: None,
            used_at: token.then_some(now),
            secrets: Vec::from_iter(token.then(|| format!("token {}", self.lives.len()))),
            nonce: None,
            first_used: false,
            ended_at: None,
            is_gone: false,
        });
        outcome
    }

    fn revoke(&mut self, wanted: impl Fn(usize, &Life) -> bool) -> Outcome {
        let mut outcome = Outcome::default();
        for (at, life) in self.lives.iter_mut().enumerate().filter(|(_, life)| !life.is_gone) {
            if wanted(at, life) {
                life.is_gone = true;
                outcome.done += 1;
                outcome.told.push((EventType::SessionRevoked, Some(at), false));
            }
        }
        outcome
    }

    /// Time goes on, never back.
    fn pass_to(&mut self, at: Timestamp) -> Outcome {
        self.now = self.now.max(at);
        Outcome::default()
    }
}

impl Outcome {
    fn one(kind: EventType, session: Option<usize>, repeated: bool) -> Self {
        Self { done: 1, told: vec![(kind, session, repeated)] }
    }

    /// With what was told in the order of the trail's reader.
    pub(super) fn sorted(mut self) -> Self {
        self.told.sort_by_key(order);
        self
    }
}
