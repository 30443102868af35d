//! French.

use super::{PerTab, Text, Wording};

/// The wording.
pub(super) static TEXT: Text = Text {
    skip: "Aller au contenu",
    signed_in_as: "Connecté en tant que",
    until: "jusqu’au",
    sign_out: "Se déconnecter",
    return_to: |name| format!("Retour à {name}"),
    try_again: "Réessayer",
    reference: "Référence :",
    preview_mode: "Mode aperçu",
    preview_note: "Vous voyez le portail comme ce client le verrait.",
    sections: "Portail",

    landing_title: |name| format!("Continuer vers {name}"),
    landing_lead: "Ce lien est personnel. Il ne sert qu’une fois : continuez dans le navigateur que vous souhaitez utiliser.",
    landing_lead_redirect: "Connexion en cours. Si rien ne se passe, utilisez le bouton.",
    link_for: "Ce lien est destiné à",
    valid_until: "Valable jusqu’au",
    go_on: "Continuer",
    landing_note: "Ce n’est pas vous ? Fermez simplement cette page. Rien ne se passe tant que vous ne continuez pas.",

    tabs: PerTab(["Clés", "Statistiques", "Facturation", "Documentation"]),
    tab_leads: PerTab([
        "Les clés API de votre compte.",
        "L’utilisation de votre compte.",
        "Vos abonnements, factures et paiements.",
        "Guides et référence pour votre intégration.",
    ]),
    billing: ["Abonnements", "Factures"],
    nothing_yet: PerTab([
        "Aucune clé pour l’instant",
        "Aucune utilisation pour l’instant",
        "Aucune facturation pour l’instant",
        "Aucun document pour l’instant",
    ]),
    nothing_yet_note: "Dès qu’il y aura quelque chose, vous le trouverez ici.",
    not_connected: "Rien n’est encore connecté ici",
    not_connected_note: |name| {
        format!(
            "{name} n’a pas encore connecté de source de données à cette page. Vos données apparaîtront ici dès que ce sera fait."
        )
    },
    not_connected_preview: "En mode aperçu seulement : définissez l’upstreamUrl du portail pour afficher ici vos propres données.",

    upstream_title: "Vos données n’ont pas pu être chargées",
    upstream: [
        "Le service qui les détient est injoignable. Veuillez réessayer dans un instant.",
        "Le service qui les détient a mis trop de temps à répondre. Veuillez réessayer dans un instant.",
        "Le service qui les détient a signalé une erreur. Veuillez réessayer dans un instant.",
    ],
    first_page: "Première page",
    next: "Suivant",
    pages: "Pages",
    cut: "Tout n’est pas affiché, car il y en a plus qu’une page ne peut contenir.",
    yes: "Oui",
    no: "Non",
    none: "Aucun",
    entries: |n| {
        if n == 1 { "1 élément".into() } else { format!("{n} éléments") }
    },

    access: "Votre accès",
    access_lead: "Qui est connecté ici, ce que cette session permet et pour combien de temps.",
    account: "Compte",
    name: "Nom",
    email: "E-mail",
    portal: "Portail",
    since: "Depuis le",
    ip_address: "Adresse IP",
    device: "Navigateur",
    abilities: "Ce que vous pouvez faire",
    no_abilities: "Cette session permet de regarder, mais pas de lire ni de modifier des données.",
    actions: [
        "Tout dans le portail",
        "Voir les clés API",
        "Créer des clés API",
        "Modifier des clés API",
        "Supprimer des clés API",
        "Voir les statistiques d’utilisation",
        "Voir les informations de facturation",
        "Voir les factures",
        "Voir les abonnements",
        "Résilier des abonnements",
    ],
    sign_out_note: "La déconnexion met fin à cette session immédiatement. Pour revenir, il vous faudra un nouveau lien.",

    link_over: Wording {
        title: "Ce lien ne fonctionne plus",
        what: "Il a déjà été utilisé ou il a expiré. Un lien ne sert qu’une fois et peu de temps, afin que personne d’autre ne puisse utiliser le vôtre.",
        help: "Pour en obtenir un nouveau, retournez là où vous avez trouvé ce lien et rouvrez le portail, ou adressez-vous à la personne qui vous l’a envoyé.",
    },
    link_unknown: Wording {
        title: "Ce lien n’est pas valide",
        what: "Il a peut-être été retiré, ou il en manque une partie, comme il arrive en copiant un lien depuis un e-mail.",
        help: "Vérifiez qu’il est complet, ou demandez-en un nouveau à la personne qui vous l’a envoyé.",
    },
    session_expired: Wording {
        title: "Session expirée",
        what: "Votre session est terminée ; cette page ne peut plus être affichée.",
        help: "Pour vous reconnecter, rouvrez le portail depuis l’endroit d’où vous veniez, ou demandez un nouveau lien.",
    },
    tab_forbidden: Wording {
        title: "Vous ne pouvez pas ouvrir cette page",
        what: "Votre session ne donne pas accès à ce qui est affiché ici.",
        help: "Si vous en avez besoin, adressez-vous à la personne qui vous a donné l’accès.",
    },
    cross_site: Wording {
        title: "Cette requête a été bloquée",
        what: "Elle venait d’un autre site, ou votre navigateur n’a pas indiqué sa provenance. Par sécurité, rien n’a été fait.",
        help: "Rouvrez votre lien ou le portail et utilisez le bouton qui s’y trouve.",
    },
    not_found: Wording {
        title: "Page introuvable",
        what: "Il n’y a pas de page à cette adresse.",
        help: "Vérifiez l’adresse, ou retournez là d’où vous veniez.",
    },
    too_many_requests: Wording {
        title: "Trop de requêtes",
        what: "Votre réseau a envoyé en peu de temps plus de requêtes que nous ne pouvons en accepter.",
        help: "Veuillez patienter une minute, puis réessayer.",
    },
    internal: Wording {
        title: "Une erreur s’est produite",
        what: "L’erreur vient de nous, pas de vous.",
        help: "Veuillez réessayer. Si elle se répète, communiquez-nous la référence ci-dessous.",
    },
    unavailable: Wording {
        title: "Nous revenons tout de suite",
        what: "Le portail n’est pas disponible pour le moment.",
        help: "Veuillez réessayer dans quelques secondes.",
    },
    signed_out: Wording {
        title: "Vous êtes déconnecté",
        what: "Ce navigateur ne peut plus ouvrir le portail.",
        help: "Pour revenir, rouvrez le portail depuis l’endroit d’où vous veniez, ou demandez un nouveau lien.",
    },

    months: [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    date: |day, month, year| {
        let ordinal = if day == 1 { "er" } else { "" };
        format!("{day}{ordinal} {month} {year}")
    },
    date_time: " à ",
    thousands: '\u{202f}',
    decimal: ',',
};
