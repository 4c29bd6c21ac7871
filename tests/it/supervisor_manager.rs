//! What the service tells its manager, and what it does when its configuration changes.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use provider::Profile;

use crate::support::faults::Started;
use crate::support::world::{Engine, World, mail};

/// The socket of a service manager.
struct Manager(UnixDatagram);

impl Manager {
    fn listen(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self(socket)
    }

    /// The next message that holds `word`.
    fn hears(&self, word: &str) -> String {
        let mut bytes = [0; 4096];
        loop {
            let length = self.0.recv(&mut bytes).unwrap_or_else(|error| panic!("never {word}: {error}"));
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            if text.lines().any(|line| line.starts_with(word)) {
                return text;
            }
        }
    }
}

/// A service under a manager that wants to be told every minute that it is alive.
fn managed(world: &World) -> (Started, Manager) {
    let path = world.trail.path("notify");
    let manager = Manager::listen(&path);
    let mut command = world.trail.command(&["run"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "60000000").env_remove("WATCHDOG_PID");
    (Started::new(command), manager)
}

fn hang_up(service: &Started) {
    let told = Command::new("kill").args(["-HUP", &service.id().to_string()]).status().unwrap();
    assert!(told.success());
}

fn rewrite(world: &World, change: impl FnOnce(String) -> String) {
    let file = world.trail.path("mailtrail.toml");
    std::fs::write(&file, change(std::fs::read_to_string(&file).unwrap())).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_manager_hears_that_it_is_ready_alive_reloading_and_stopping() {
    let world = World::plain(Engine::Sqlite).await;
    let (service, manager) = managed(&world);
    manager.hears("READY=1");
    manager.hears("WATCHDOG=1");
    assert!(manager.hears("STATUS=").contains("1 accounts, 0 failing"));
    hang_up(&service);
    assert!(manager.hears("RELOADING=1").contains("MONOTONIC_USEC="));
    manager.hears("READY=1");
    let stopped = std::thread::spawn(move || service.terminate());
    manager.hears("STOPPING=1");
    let ended = stopped.join().unwrap();
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_configuration_is_taken_over_and_a_broken_one_changes_nothing() {
    let world = World::new(Engine::Sqlite, Profile::Plain, "").await;
    let (service, manager) = managed(&world);
    manager.hears("READY=1");
    let idles = async || {
        let idle = world.provider.mail.wait_for_command(|command| command.verb == "IDLE");
        tokio::time::timeout(Duration::from_secs(60), idle).await.expect("the service waits");
        world.provider.mail.clear_commands();
    };
    idles().await;
    world.deliver(mail("1@ours.example", "carla@customer.example", ""));
    idles().await;
    rewrite(&world, |text| format!("{text}[workspace\n"));
    manager.hears("RELOADING=1");
    manager.hears("READY=1");
    world.deliver(mail("2@ours.example", "carla@customer.example", ""));
    idles().await;
    rewrite(&world, |text| {
        let text = text.replace("[workspace\n", "[workspace]\nown_domains = [\"customer.example\"]\n");
        format!("{text}[http]\nlisten = \"127.0.0.1:1\"\n")
    });
    manager.hears("RELOADING=1");
    manager.hears("READY=1");
    world.deliver(mail("3@ours.example", "carla@customer.example", ""));
    idles().await;
    let ended = service.terminate();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let codes = world.codes();
    assert_eq!((&codes[..2], codes.len()), (&["logged".to_owned(), "logged".to_owned()][..], 3), "{ended:?}");
    assert_ne!(codes[2], "logged");
    let told = |words: &str| ended.err.lines().filter(|line| line.contains(words)).count();
    assert_eq!(told("the configuration stays as it was"), 1, "{}", ended.err);
    assert_eq!(told("the configuration was read again"), 1, "{}", ended.err);
    assert_eq!(told("key=\"http.listen\""), 1, "{}", ended.err);
}
