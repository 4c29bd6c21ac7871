//! Scenarios 1 to 16 of the specification: what a BCC'd mail becomes.

use crate::support::world::{BCC, World, engines, mail, mail_from, strings};

#[tokio::test(flavor = "multi_thread")]
async fn s01_a_new_recipient_becomes_a_contact_with_the_mail_on_its_timeline() {
    for engine in engines() {
        let world = World::plain(engine).await;
        world.deliver(mail("1@ours.example", "Carla Customer <carla@customer.example>", ""));
        world.sync();
        let activity = world.activity();
        assert_eq!(strings(&activity["contacts"]), ["carla@customer.example"]);
        assert_eq!(activity["direction"], "outgoing");
        assert_eq!(activity["kind"], "bcc");
        assert_eq!(activity["message_id"], "1@ours.example");
        assert_eq!(activity["user"], "anna@ours.example");
        assert_eq!(activity["attribution"], "login");
        assert_eq!(activity["sent_at"], "2026-11-22T10:00:00Z");
        assert_eq!(activity["sightings"][0]["account"], BCC);
        assert_eq!(world.contacts(), ["carla@customer.example"]);
        assert_eq!(world.codes(), ["logged"]);
    }
}
