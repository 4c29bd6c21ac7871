use entity::{contact, deal};
use sea_orm::{EntityTrait, PaginatorTrait};

use super::*;
use crate::store::records::contacts;
use crate::store::testing::on_each_engine;
use crate::store::{users, workspaces};

async fn import(store: &Store, kind: Kind, text: impl AsRef<[u8]>) -> Result<Report, ImportError> {
    let clock = Clock::system();
    let workspace = workspaces::ensure_default(store, &clock).await.unwrap();
    run(store, &workspace, kind, text.as_ref(), None, &clock, None).await
}

async fn workspace_id(store: &Store) -> uuid::Uuid {
    workspaces::named(store, workspaces::DEFAULT).await.unwrap().id
}

#[tokio::test]
async fn csv_as_spreadsheets_write_it_is_read() {
    on_each_engine(async |store| {
        import(
            store,
            Kind::Users,
            "login,name,aliases,seat,active\r\nAnna@ours.example,Anna,a@ours.example; b@ours.example,Core,yes\r\n",
        )
        .await
        .unwrap();
        let companies = "\u{feff}Key,Name,Domains\r\n1,\"Acme,\r\nInc.\",acme.example;ACME.example\r\n";
        assert_eq!(import(store, Kind::Companies, companies).await.unwrap().made, 1);
        let people = "key,name,addresses,companies,primary_company,owner\r\n\
                      7, \"Bo \"\"B\"\" Ek\" ,bo@acme.example;Bo@home.example,1,acme.example,ANNA@ours.example\r\n\r\n";
        assert_eq!(import(store, Kind::Contacts, people).await.unwrap().made, 1);
        let bo = contacts::list(store, workspace_id(store).await).await.unwrap().remove(0);
        assert_eq!(bo.addresses, ["bo@acme.example", "Bo@home.example"]);
        assert_eq!((bo.companies.as_slice(), bo.owner.as_deref()), (&["1".to_owned()][..], Some("Anna@ours.example")));
        let anna = users::list(store, workspace_id(store).await).await.unwrap().remove(0);
        assert_eq!(anna.aliases, ["a@ours.example", "b@ours.example"]);
    })
    .await;
}

#[tokio::test]
async fn json_lines_take_lists_texts_numbers_and_nulls() {
    on_each_engine(async |store| {
        let people = "{\"key\":7,\"name\":\"Bo\\u0000\",\"addresses\":[\"bo@x.example\"]}\n\n{\"key\":\"8\",\"name\":null,\"addresses\":\"a@x.example;b@x.example\"}\n";
        assert_eq!(import(store, Kind::Contacts, people).await.unwrap().made, 2);
        let deals = "{\"key\":\"d\",\"stage\":\"Won\",\"created_at\":\"2026-11-22\",\"contacts\":[7,\"b@x.example\"]}";
        assert_eq!(import(store, Kind::Deals, deals).await.unwrap().made, 1);
        let deal = deal::Entity::find().one(&store.db).await.unwrap().unwrap();
        assert_eq!((deal.stage.as_str(), deal.created_at.to_rfc3339().as_str()), ("won", "2026-11-22T00:00:00+00:00"));
        let names: Vec<_> = contacts::list(store, workspace_id(store).await).await.unwrap().into_iter().map(|c| c.name).collect();
        assert_eq!(names, [Some("Bo".to_owned()), None]);
    })
    .await;
}

#[tokio::test]
async fn every_bad_line_has_its_number_and_nothing_is_written() {
    on_each_engine(async |store| {
        let mut people = b"key,name,addresses\n1,\"two\nlines\",a@x.example\n,No Key,b@x.example\n3,Bad,nobody\n4,Too,many,fields\n5,".to_vec();
        people.extend(b"\xff,c@x.example\n6,Fine,d@x.example\n");
        let report = import(store, Kind::Contacts, people).await.unwrap();
        let lines: Vec<_> = report.bad.iter().map(|bad| (bad.line, bad.reason.as_str())).collect();
        assert_eq!(lines.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [4, 5, 6, 7], "{lines:?}");
        assert_eq!(lines[1].1, "addresses: \"nobody\" is no mail address");
        assert!(lines[3].1.contains("UTF-8"), "{lines:?}");
        assert_eq!(contact::Entity::find().count(&store.db).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn bad_json_lines_are_told_too() {
    on_each_engine(async |store| {
        let people =
            "{\"key\":\"1\"}\n[1]\n{\"key\":\n{\"key\":\"2\",\"adresses\":[]}\n{\"key\":\"3\",\"addresses\":[{}]}\n";
        let report = import(store, Kind::Contacts, people).await.unwrap();
        assert_eq!(report.bad.iter().map(|bad| bad.line).collect::<Vec<_>>(), [2, 3, 4, 5]);
        assert!(report.bad[2].reason.contains("no column \"adresses\""), "{:?}", report.bad);
    })
    .await;
}

#[tokio::test]
async fn a_file_of_another_form_is_refused_with_the_cure() {
    on_each_engine(async |store| {
        for (text, cure) in [
            (&b"key;name\n1;A\n"[..], "commas"),
            (b"name\nA\n", "key among them"),
            (b"key,key\n1,1\n", "twice"),
            (b"[{\"key\":\"1\"}]", "JSON Lines"),
            (b"\xff\xfek\0e\0y\0", "UTF-8"),
            (b"", "first line"),
        ] {
            let error = import(store, Kind::Companies, text).await.unwrap_err().to_string();
            assert!(error.contains(cure), "{error}");
        }
    })
    .await;
}

#[tokio::test]
async fn more_rows_than_a_batch_are_one_import() {
    on_each_engine(async |store| {
        let mut people = String::from("key,addresses\n");
        for n in 0..1203 {
            people.push_str(&format!("{n},p{n}@x.example\n"));
        }
        assert_eq!(import(store, Kind::Contacts, &people).await.unwrap().made, 1203);
        assert_eq!(import(store, Kind::Contacts, &people).await.unwrap().unchanged, 1203);
        people.push_str("late,p3@x.example\n");
        let report = import(store, Kind::Contacts, &people).await.unwrap();
        assert_eq!((report.bad.len(), report.bad[0].line), (1, 1205));
        assert_eq!(contacts::list(store, workspace_id(store).await).await.unwrap().len(), 1203);
    })
    .await;
}
