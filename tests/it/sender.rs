//! Whether the sender is who it says, by the headers that providers really write (L13, decision 6).

use provider::Profile;

use crate::support::world::{World, engines, mail, strings};

const CARLA: &str = "carla@customer.example";

const GOOGLE_PASS: &str = "Authentication-Results: mx.google.com;\r\n       dkim=pass header.i=@ours.example \
    header.s=s1 header.b=abc;\r\n       spf=pass (google.com: domain of anna@ours.example designates 192.0.2.1 as \
    permitted sender) smtp.mailfrom=anna@ours.example;\r\n       dmarc=pass (p=NONE sp=NONE dis=NONE) \
    header.from=ours.example\r\n";
const GOOGLE_FAIL: &str = "Authentication-Results: mx.google.com;\r\n       spf=softfail (google.com: domain of \
    transitioning anna@ours.example does not designate 198.51.100.7 as permitted sender) \
    smtp.mailfrom=anna@ours.example;\r\n       dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=ours.example\r\n";
const MICROSOFT_PASS: &str = "Authentication-Results: spf=pass (sender IP is 192.0.2.1)\r\n \
    smtp.mailfrom=ours.example; dkim=pass (signature was verified)\r\n header.d=ours.example;dmarc=pass action=none\r\n \
    header.from=ours.example;compauth=pass reason=100\r\n";
const MICROSOFT_FAIL: &str = "Authentication-Results: spf=fail (sender IP is 198.51.100.7)\r\n \
    smtp.mailfrom=ours.example; dkim=none (message not signed)\r\n header.d=none;dmarc=fail action=oreject\r\n \
    header.from=ours.example;compauth=fail reason=000\r\n";
const SENDING_TENANT: &str = "authentication-results: dkim=none (message not signed)\r\n header.d=none;dmarc=none action=none header.from=ours.example;\r\n";
const INTERNAL: &str = "X-MS-Exchange-Organization-AuthAs: Internal\r\n";

/// The code and the flags of one mail a header, in order.
async fn verdicts(world: &World, headers: &[String]) -> Vec<String> {
    for (n, header) in headers.iter().enumerate() {
        // Servers write on top.
        world.deliver(format!("{header}{}", mail(&format!("{n}@ours.example"), CARLA, "")));
    }
    world.sync();
    let flags = |n: usize| {
        let id = format!("{n}@ours.example");
        let found = world.activities().into_iter().find(|activity| activity["message_id"] == id.as_str());
        found.map(|activity| strings(&activity["flags"]).join(" ")).unwrap_or_default()
    };
    let codes = world.codes().into_iter().enumerate();
    codes.map(|(n, code)| format!("{code} {}", flags(n)).trim_end().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_google_only_a_pass_that_google_stamped_on_top_is_enough() {
    for engine in engines() {
        let world = World::new(engine, Profile::Gmail, "").await;
        let headers = [
            GOOGLE_PASS.to_owned(),
            GOOGLE_FAIL.to_owned(),
            String::new(),
            format!("{GOOGLE_FAIL}{GOOGLE_PASS}"),
            MICROSOFT_PASS.to_owned(),
            GOOGLE_PASS.replace("mx.google.com", "mx.google.com.evil.example"),
            GOOGLE_PASS.replace("ours.example", "evil.example"),
        ];
        let expected = ["logged"].into_iter().chain(["auth-failed"; 6]).collect::<Vec<_>>();
        assert_eq!(verdicts(&world, &headers).await, expected);
        assert_eq!(world.contacts(), [CARLA]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_microsoft_the_receiving_servers_composite_result_is_what_counts() {
    for engine in engines() {
        let world = World::new(engine, Profile::Exchange, "").await;
        let headers = [
            MICROSOFT_PASS.to_owned(),
            format!("{MICROSOFT_PASS}{SENDING_TENANT}"),
            INTERNAL.to_owned(),
            MICROSOFT_FAIL.to_owned(),
            format!("{MICROSOFT_FAIL}{MICROSOFT_PASS}"),
            SENDING_TENANT.to_owned(),
            String::new(),
            GOOGLE_PASS.to_owned(),
        ];
        let expected = ["logged"; 3].into_iter().chain(["auth-failed"; 5]).collect::<Vec<_>>();
        assert_eq!(verdicts(&world, &headers).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn elsewhere_results_that_do_not_pass_are_flagged_and_none_are_no_fault() {
    for engine in engines() {
        let world = World::plain(engine).await;
        let stamped = |results: &str| format!("Authentication-Results: mx.crm.example; {results}\r\n");
        let headers = [
            stamped("dmarc=pass header.from=ours.example"),
            stamped("dmarc=fail header.from=ours.example"),
            String::new(),
            stamped("none"),
        ];
        assert_eq!(verdicts(&world, &headers).await, ["logged", "logged auth-warn", "logged", "logged"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_ones_own_is_trusted_by_name_and_then_strictly() {
    for engine in engines() {
        let settings = "[policy]\ntrusted_authserv_ids = [\"mx.crm.example\"]\n";
        let world = World::new(engine, Profile::Plain, settings).await;
        let headers = [
            "Authentication-Results: mx.crm.example; dmarc=pass header.from=ours.example\r\n".to_owned(),
            "Authentication-Results: mx.evil.example; dmarc=pass header.from=ours.example\r\n".to_owned(),
            String::new(),
        ];
        assert_eq!(verdicts(&world, &headers).await, ["logged", "auth-failed", "auth-failed"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_goes_before_the_default() {
    for engine in engines() {
        for (policy, profile, expected) in [
            ("off", Profile::Gmail, ["logged", "logged"]),
            ("warn", Profile::Gmail, ["logged auth-warn", "logged"]),
            ("strict", Profile::Plain, ["auth-failed", "auth-failed"]),
        ] {
            let settings = format!("[policy]\nsender_authentication = \"{policy}\"\n");
            let world = World::new(engine, profile, &settings).await;
            assert_eq!(verdicts(&world, &[GOOGLE_FAIL.to_owned(), String::new()]).await, expected, "{policy}");
        }
    }
}
