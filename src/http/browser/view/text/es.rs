//! Spanish.

use super::{PerTab, Text, Wording};

/// The wording.
pub(super) static TEXT: Text = Text {
    skip: "Ir al contenido",
    signed_in_as: "Sesión iniciada como",
    until: "hasta el",
    sign_out: "Cerrar sesión",
    return_to: |name| format!("Volver a {name}"),
    try_again: "Reintentar",
    reference: "Referencia:",
    preview_mode: "Modo de vista previa",
    preview_note: "Ve el portal como lo vería este cliente.",
    sections: "Portal",

    landing_title: |name| format!("Continuar a {name}"),
    landing_lead: "Este enlace es personal. Solo sirve una vez, así que continúe en el navegador que quiera usar.",
    landing_lead_redirect: "Se está iniciando su sesión. Si no ocurre nada, use el botón.",
    link_for: "Este enlace es para",
    valid_until: "Válido hasta el",
    go_on: "Continuar",
    landing_note: "¿No es usted? Cierre esta página. No ocurre nada hasta que continúe.",

    tabs: PerTab(["Claves", "Estadísticas", "Facturación", "Documentación"]),
    tab_leads: PerTab([
        "Las claves de API de su cuenta.",
        "El uso de su cuenta.",
        "Sus suscripciones, facturas y pagos.",
        "Guías y referencia para su integración.",
    ]),
    billing: ["Suscripciones", "Facturas"],
    nothing_yet: PerTab([
        "Aún no hay claves",
        "Aún no hay datos de uso",
        "Aún no hay facturación",
        "Aún no hay documentos",
    ]),
    nothing_yet_note: "En cuanto haya algo, lo encontrará aquí.",
    not_connected: "Aquí aún no hay nada conectado",
    not_connected_note: |name| {
        format!(
            "{name} todavía no ha conectado una fuente de datos a esta página. Cuando lo haga, sus datos aparecerán aquí."
        )
    },
    not_connected_preview: "Solo en la vista previa: defina la upstreamUrl del portal para mostrar aquí sus propios datos.",

    upstream_title: "No se han podido cargar sus datos",
    upstream: [
        "No se ha podido contactar con el servicio que los guarda. Inténtelo de nuevo en un momento.",
        "El servicio que los guarda ha tardado demasiado en responder. Inténtelo de nuevo en un momento.",
        "El servicio que los guarda ha respondido con un error. Inténtelo de nuevo en un momento.",
    ],
    first_page: "Primera página",
    next: "Siguiente",
    pages: "Páginas",
    cut: "No se muestra todo, porque hay más de lo que cabe en una página.",
    yes: "Sí",
    no: "No",
    none: "Ninguno",
    entries: |n| {
        if n == 1 { "1 elemento".into() } else { format!("{n} elementos") }
    },

    access: "Su acceso",
    access_lead: "Quién ha iniciado sesión aquí, qué permite esta sesión y hasta cuándo.",
    account: "Cuenta",
    name: "Nombre",
    email: "Correo electrónico",
    portal: "Portal",
    since: "Desde el",
    ip_address: "Dirección IP",
    device: "Navegador",
    abilities: "Qué puede hacer",
    no_abilities: "Esta sesión permite mirar, pero no leer ni cambiar datos.",
    actions: [
        "Todo en el portal",
        "Ver las claves de API",
        "Crear claves de API",
        "Cambiar claves de API",
        "Eliminar claves de API",
        "Ver las estadísticas de uso",
        "Ver los datos de facturación",
        "Ver las facturas",
        "Ver las suscripciones",
        "Cancelar suscripciones",
    ],
    sign_out_note: "Al cerrar sesión, esta termina de inmediato. Para volver necesitará un enlace nuevo.",

    link_over: Wording {
        title: "Este enlace ya no funciona",
        what: "Ya se ha usado o ha caducado. Los enlaces sirven una sola vez y por poco tiempo, para que nadie más pueda usar el suyo.",
        help: "Para obtener uno nuevo, vuelva a donde encontró este enlace y abra el portal desde allí, o pídalo a quien se lo envió.",
    },
    link_unknown: Wording {
        title: "Este enlace no es válido",
        what: "Puede que se haya retirado o que le falte una parte, como ocurre al copiar un enlace de un correo.",
        help: "Compruebe que esté completo o pida uno nuevo a quien se lo envió.",
    },
    session_expired: Wording {
        title: "Sesión caducada",
        what: "Su sesión ha terminado, por lo que esta página ya no se puede mostrar.",
        help: "Para volver a entrar, abra el portal desde donde venía o pida un enlace nuevo.",
    },
    tab_forbidden: Wording {
        title: "No puede abrir esta página",
        what: "Su sesión no incluye lo que se muestra aquí.",
        help: "Si lo necesita, diríjase a quien le dio el acceso.",
    },
    cross_site: Wording {
        title: "Se ha detenido esta solicitud",
        what: "Procedía de otro sitio, o su navegador no indicó de dónde venía. Por su seguridad, no se ha hecho nada.",
        help: "Abra de nuevo su enlace o el portal y use el botón que hay allí.",
    },
    not_found: Wording {
        title: "Página no encontrada",
        what: "No hay ninguna página en esta dirección.",
        help: "Compruebe la dirección o vuelva a donde estaba.",
    },
    too_many_requests: Wording {
        title: "Demasiadas solicitudes",
        what: "Su red ha enviado en poco tiempo más solicitudes de las que podemos aceptar.",
        help: "Espere un minuto e inténtelo de nuevo.",
    },
    internal: Wording {
        title: "Algo ha salido mal",
        what: "El error es nuestro, no suyo.",
        help: "Inténtelo de nuevo. Si se repite, indíquenos la referencia de abajo.",
    },
    unavailable: Wording {
        title: "Volvemos enseguida",
        what: "El portal no está disponible en este momento.",
        help: "Inténtelo de nuevo en unos segundos.",
    },
    signed_out: Wording {
        title: "Ha cerrado la sesión",
        what: "Este navegador ya no puede abrir el portal.",
        help: "Para volver, abra el portal desde donde venía o pida un enlace nuevo.",
    },

    months: [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
    date: |day, month, year| format!("{day} de {month} de {year}"),
    date_time: ", ",
    thousands: '.',
    decimal: ',',
};
