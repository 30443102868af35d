//! English.

use super::{PerTab, Text, Wording};

/// The wording.
pub(super) static TEXT: Text = Text {
    skip: "Skip to content",
    signed_in_as: "Signed in as",
    until: "until",
    sign_out: "Sign out",
    return_to: |name| format!("Return to {name}"),
    try_again: "Try again",
    reference: "Reference:",
    preview_mode: "Preview mode",
    preview_note: "You see the portal as this customer would.",
    sections: "Portal",

    landing_title: |name| format!("Continue to {name}"),
    landing_lead: "This is a personal link. It works once, so continue in the browser you want to use.",
    landing_lead_redirect: "You are being signed in. If nothing happens, use the button.",
    link_for: "This link is for",
    valid_until: "Valid until",
    go_on: "Continue",
    landing_note: "Not you? Just close this page. Nothing happens until you continue.",

    tabs: PerTab(["Keys", "Analytics", "Billing", "Docs"]),
    tab_leads: PerTab([
        "The API keys of your account.",
        "How your account is being used.",
        "Your subscriptions, invoices and payments.",
        "Guides and reference for your integration.",
    ]),
    billing: ["Subscriptions", "Invoices"],
    nothing_yet: PerTab(["No keys yet", "No usage yet", "No billing activity yet", "No documents yet"]),
    nothing_yet_note: "As soon as there is something, you will find it here.",
    not_connected: "Nothing is connected here yet",
    not_connected_note: |name| {
        format!("{name} has not connected a data source to this page. Once it has, your data will appear here.")
    },
    not_connected_preview: "Only in preview: set the portal's upstreamUrl to show your own data here.",

    upstream_title: "Your data could not be loaded",
    upstream: [
        "The service that holds it could not be reached. Please try again in a moment.",
        "The service that holds it took too long to answer. Please try again in a moment.",
        "The service that holds it answered with an error. Please try again in a moment.",
    ],
    first_page: "First page",
    next: "Next",
    pages: "Pages",
    cut: "Not everything is shown, as there is more than fits on a page.",
    yes: "Yes",
    no: "No",
    none: "None",
    entries: |n| {
        if n == 1 { "1 entry".into() } else { format!("{n} entries") }
    },

    access: "Your access",
    access_lead: "Who is signed in here, what this session may do, and for how long.",
    account: "Account",
    name: "Name",
    email: "Email",
    portal: "Portal",
    since: "Since",
    ip_address: "IP address",
    device: "Browser",
    abilities: "What you may do",
    no_abilities: "This session may look around, but not read or change anything.",
    actions: [
        "Everything in the portal",
        "See API keys",
        "Create API keys",
        "Change API keys",
        "Delete API keys",
        "See usage analytics",
        "See billing details",
        "See invoices",
        "See subscriptions",
        "Cancel subscriptions",
    ],
    sign_out_note: "Signing out ends this session at once. To come back, you will need a new link.",

    link_over: Wording {
        title: "This link no longer works",
        what: "It has been used already, or its time has run out. Links work only once and for a short while, so that nobody else can use yours.",
        help: "To get a new one, go back to where you found this link and open the portal from there again, or ask whoever sent it to you.",
    },
    link_unknown: Wording {
        title: "This link is not valid",
        what: "It may have been withdrawn, or a part of it is missing, as happens when a link is copied from an email.",
        help: "Check that you have all of it, or ask whoever sent it to you for a new one.",
    },
    session_expired: Wording {
        title: "Session expired",
        what: "Your session is over, so this page can no longer be shown.",
        help: "To sign in again, open the portal from where you came from, or ask for a new link.",
    },
    tab_forbidden: Wording {
        title: "You can't open this page",
        what: "Your session does not include what is shown here.",
        help: "If you need it, ask whoever gave you access.",
    },
    cross_site: Wording {
        title: "This request was stopped",
        what: "It came from another site, or your browser did not say where it came from. To keep you safe, nothing was done.",
        help: "Open your link or the portal again and use the button there.",
    },
    not_found: Wording {
        title: "Page not found",
        what: "There is no page at this address.",
        help: "Check the address, or go back to where you came from.",
    },
    too_many_requests: Wording {
        title: "Too many requests",
        what: "More requests came from your network than we can take in a short time.",
        help: "Please wait a minute, then try again.",
    },
    internal: Wording {
        title: "Something went wrong",
        what: "This is our mistake, not yours.",
        help: "Please try again. If it happens again, tell us the reference below.",
    },
    unavailable: Wording {
        title: "We will be right back",
        what: "The portal is not available at the moment.",
        help: "Please try again in a few seconds.",
    },
    signed_out: Wording {
        title: "You are signed out",
        what: "This browser can no longer open the portal.",
        help: "To come back, open the portal from where you came from, or ask for a new link.",
    },

    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    date: |day, month, year| format!("{day} {month} {year}"),
    date_time: ", ",
    thousands: ',',
    decimal: '.',
};
