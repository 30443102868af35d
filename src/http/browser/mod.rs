//! The pages that people see: the landing page of a link, the hosted portal, and what went wrong.

mod destination;
mod files;
mod hosted;
mod landing;
mod page;
mod refuse;
mod tab;
#[allow(unreachable_pub, reason = "like a crate of its own: of the rest it knows only the permissions' `Tab`")]
mod view;
mod visit;

pub(crate) use refuse::refuse;

use super::App;
use crate::domain::permission::Tab;
use axum::{
    Router,
    extract::State,
    routing::{get, post},
};

/// Everything under `/`, `/r/`, `/p/` and `/assets/`.
pub(crate) fn routes() -> Router<App> {
    let tabs = Tab::ALL.into_iter().fold(Router::new(), |router, tab| {
        router.route(
            &format!("/p/{{portal}}/{}", tab.as_str()),
            get(move |State(app), uri, visit| hosted::tab(app, uri, visit, tab)),
        )
    });
    Router::new()
        .route("/", get(landing::show_by_query))
        .route("/r/{token}", get(landing::show).post(landing::redeem))
        .route("/p/{portal}", get(hosted::home))
        .route("/p/{portal}/", get(hosted::home))
        .merge(tabs)
        .route("/p/{portal}/access", get(hosted::access))
        .route("/p/{portal}/sign-out", post(hosted::sign_out).get(hosted::home))
        .route("/p/{portal}/signed-out", get(hosted::signed_out))
        .route("/p/{portal}/brand.css", get(files::brand))
        .route("/p/{portal}/{*path}", get(hosted::missing))
        .route("/assets/{file}", get(files::asset))
}
