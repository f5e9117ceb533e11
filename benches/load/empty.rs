//! The cheapest thing that actix does with a form, or without one.

use std::net::TcpListener;

use actix_web::{App, HttpResponse, HttpServer, web};

/// Serves on a port that it prints, until it is killed.
pub(crate) fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap());
    let post = |_form: web::Form<Vec<(String, String)>>| async { "{\"active\":false}" };
    let app = move || {
        App::new()
            .route("/introspect", web::post().to(post))
            .route("/gate/wiki/mcp", web::get().to(HttpResponse::Ok))
    };
    actix_web::rt::System::new()
        .block_on(HttpServer::new(app).listen(listener).unwrap().run())
        .unwrap();
}
