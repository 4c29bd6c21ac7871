//! A world that can write to its users.

use std::io::Write as _;

use mailtrail::store::{Options, Store};
use provider::{Profile, SmtpServer, SmtpSettings};
use sea_orm::ConnectionTrait as _;
use serde_json::Value;

use super::faults::database_url;
use super::world::{Engine, Trail, World, mail_with};

pub const ANNA: &str = "anna@ours.example";
pub const CARLA: &str = "carla@customer.example";
/// From whom notices are.
pub const FROM: &str = "crm@ours.example";
const PASSWORD: &str = "open sesame";

/// A world in which attachments over 1000 bytes are dropped.
pub async fn world(engine: Engine) -> World {
    World::new(engine, Profile::Plain, "attachments.max_bytes = 1000\n").await
}

/// A server that takes a password.
pub async fn server(settings: SmtpSettings) -> SmtpServer {
    let password = Some((FROM.to_owned(), PASSWORD.to_owned()));
    SmtpServer::start(SmtpSettings { password, ..settings }).await
}

/// Notices leave by this server from now on; `more` are keys of `[smtp]`.
pub fn connect(world: &World, smtp: &SmtpServer, more: &str) {
    append(&world.connection().ca_file, smtp.ca_pem());
    let file = world.trail.path("password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    let (port, file) = (smtp.port(), file.display());
    let keys =
        format!("[smtp]\nhost = \"localhost\"\nport = {port}\nfrom = \"{FROM}\"\npassword_file = \"{file}\"\n{more}");
    append(&world.trail.path("mailtrail.toml"), &keys);
}

fn append(file: &std::path::Path, text: &str) {
    std::fs::OpenOptions::new().append(true).open(file).unwrap().write_all(text.as_bytes()).unwrap();
}

/// Both at once, with a password under STARTTLS.
pub async fn posting(engine: Engine, more: &str) -> (World, SmtpServer) {
    let (world, smtp) = (world(engine).await, server(SmtpSettings::default()).await);
    connect(&world, &smtp, more);
    (world, smtp)
}

/// A mail of Anna's of which an attachment is dropped.
pub fn too_large(world: &World, id: &str) {
    world.deliver(mail_with(id, CARLA, &[("more.bin", &[7; 1001])]));
}

pub fn notices(world: &World) -> Vec<Value> {
    world.trail.json(&["notice", "list", "--json"])
}

/// Where each notice stands.
pub fn states(world: &World) -> Vec<String> {
    notices(world).iter().map(|row| row["state"].as_str().unwrap().to_owned()).collect()
}

/// A statement on the database.
pub async fn execute(trail: &Trail, statement: &str) {
    let store = Store::open(&database_url(trail), &Options::default()).await.unwrap();
    store.db.execute_unprepared(statement).await.unwrap();
    store.close().await.unwrap();
}

/// The next attempt at whatever waits is due.
pub async fn wait_is_over(world: &World) {
    execute(&world.trail, "UPDATE notice SET next_try = NULL").await;
}
