//! What is where, for the present issuer and for those from which the service has moved.

use actix_web::guard::{Guard, fn_guard};
use actix_web::web;

use crate::app::App;
use crate::config::{OwnerPages, Registration};
use crate::middleware::issuer::aimed_at;
use crate::oauth::Issuer;
use crate::{endpoints, pages};

/// Which routes a listener has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sides {
    pub(super) public: bool,
    pub(super) internal: bool,
}

/// What clients and people ask.
pub(super) fn public_routes(routes: &mut web::ServiceConfig, app: &web::Data<App>, sides: Sides) {
    let pages = app.config.owner_pages;
    if sides.public {
        for former in app.former.iter() {
            let all = |routes: &mut _| public_routes_of(former, routes, app);
            let aimed = web::scope("").guard(is_aimed_at(app, former)).configure(all);
            routes.service(aimed.default_service(web::to(endpoints::not_found)));
        }
        public_routes_of(&app.config.issuer, routes, app);
    } else if pages == OwnerPages::Internal {
        below_issuer(&app.config.issuer, routes, |routes| {
            routes.configure(pages::configure_inside).configure(pages::owner::configure);
        });
    }
    routes.default_service(web::to(endpoints::not_found));
}

/// All that one issuer has for clients and people.
fn public_routes_of(issuer: &Issuer, routes: &mut web::ServiceConfig, app: &App) {
    endpoints::tokens(routes, issuer);
    endpoints::well_known(routes, issuer);
    below_issuer(issuer, routes, |routes| {
        routes.configure(endpoints::authorization).configure(pages::configure);
        if app.config.registration != Registration::Off {
            routes.configure(endpoints::registration);
        }
        if app.config.owner_pages == OwnerPages::On {
            routes.configure(pages::owner::configure);
        }
    });
}

/// What the operator has written into MCP servers goes on too, by whatever name they ask.
pub(super) fn introspection(routes: &mut web::ServiceConfig, app: &web::Data<App>) {
    let present = &app.config.issuer;
    endpoints::introspection(routes, present, |all| all);
    for former in app.former.iter().filter(|former| former.path() != present.path()) {
        endpoints::introspection(routes, former, |all| all.guard(is_aimed_at(app, former)));
    }
}

/// For as long as it is kept.
fn is_aimed_at(app: &web::Data<App>, former: &Issuer) -> impl Guard + use<> {
    let (app, former) = (app.clone(), former.clone());
    fn_guard(move |context| *aimed_at(&app, context.head()) == former)
}

fn below_issuer(
    issuer: &Issuer,
    routes: &mut web::ServiceConfig,
    configure: impl FnOnce(&mut web::ServiceConfig),
) {
    let path = issuer.path();
    if path.is_empty() {
        routes.configure(configure);
    } else {
        let below = web::scope(path).configure(configure);
        routes.service(below.default_service(web::to(endpoints::not_found)));
    }
}
