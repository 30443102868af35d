//! Whether a status is good news.

/// What a status means for the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// All is well.
    Good,
    /// Something is still to come.
    Waiting,
    /// Something is over or went wrong.
    Bad,
    /// Unknown.
    Plain,
}

impl Tone {
    /// The class in portal.css.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Waiting => "waiting",
            Self::Bad => "bad",
            Self::Plain => "plain",
        }
    }

    /// Guesses from the words that payment and key services use.
    pub(super) fn of(status: &str) -> Self {
        match status.to_ascii_lowercase().as_str() {
            "active" | "approved" | "complete" | "completed" | "enabled" | "live" | "ok" | "paid" | "succeeded"
            | "success" | "valid" => Self::Good,
            "draft" | "incomplete" | "open" | "paused" | "pending" | "processing" | "queued" | "scheduled"
            | "trialing" => Self::Waiting,
            "blocked" | "canceled" | "cancelled" | "declined" | "disabled" | "error" | "expired" | "failed"
            | "overdue" | "past_due" | "revoked" | "uncollectible" | "unpaid" | "void" | "voided" => Self::Bad,
            _ => Self::Plain,
        }
    }
}
