use entity::{contact, contact_address, deal, tombstone};
use sea_orm::{ActiveModelTrait, EntityTrait, PaginatorTrait, Set};
use uuid::Uuid;

use super::*;
use crate::mail::address::Address;
use crate::store::testing::on_each_engine;
use crate::store::workspaces;

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn person(key: &str, addresses: &[&str]) -> ContactRow {
    ContactRow {
        key: key.into(),
        name: None,
        addresses: Some(addresses.iter().map(|text| address(text)).collect()),
        companies: None,
        primary_company: None,
        owner: None,
    }
}

fn numbered<T>(rows: Vec<T>) -> Vec<Numbered<T>> {
    rows.into_iter().zip(2..).map(|(row, line)| Numbered { line, row }).collect()
}

struct Crm<'a> {
    store: &'a Store,
    workspace: workspace::Model,
    clock: Clock,
}

impl<'a> Crm<'a> {
    async fn new(store: &'a Store) -> Self {
        let clock = Clock::system();
        Self { store, workspace: workspaces::ensure_default(store, &clock).await.unwrap(), clock }
    }

    async fn import(&self, rows: Rows) -> Report {
        let mut import = Import::begin(self.store, &self.workspace, &self.clock).await.unwrap();
        import.take(rows).await.unwrap();
        import.finish().await.unwrap()
    }

    async fn contacts(&self, rows: Vec<ContactRow>) -> Report {
        self.import(Rows::Contacts(numbered(rows))).await
    }

    async fn companies(&self, rows: &[(&str, &str)]) -> Report {
        let row = |(key, domain): &(&str, &str)| CompanyRow {
            key: (*key).into(),
            name: Some((*key).into()),
            domains: Some(vec![(*domain).into()]),
        };
        self.import(Rows::Companies(numbered(rows.iter().map(row).collect()))).await
    }

    /// What the service does on the first mail to a stranger.
    async fn made_of_mail(&self, at: &str) -> Uuid {
        let row = contact::ActiveModel {
            id: Set(self.clock.id()),
            workspace_id: Set(self.workspace.id),
            key: Set(None),
            name: Set(Some("From Mail".into())),
            first_name: Set(None),
            last_name: Set(None),
            owner_id: Set(None),
            source: Set("bcc".into()),
            created_at: Set(self.clock.now()),
        };
        let id = row.insert(&self.store.db).await.unwrap().id;
        let row = links::address_row(self.workspace.id, id, &address(at), 0);
        contact_address::Entity::insert(contact_address::ActiveModel::from(row)).exec(&self.store.db).await.unwrap();
        id
    }

    async fn listed(&self) -> Vec<(Vec<String>, Vec<String>)> {
        let all = contacts::list(self.store, self.workspace.id).await.unwrap();
        all.into_iter().map(|one| (one.addresses, one.companies)).collect()
    }
}

fn counts(report: &Report) -> (u64, u64, u64, usize) {
    (report.made, report.changed, report.unchanged, report.bad.len())
}

#[tokio::test]
async fn a_second_import_of_the_same_changes_nothing() {
    on_each_engine(async |store| {
        let crm = Crm::new(store).await;
        crm.companies(&[("acme", "acme.example"), ("beta", "beta.example")]).await;
        let row = ContactRow {
            companies: Some(vec!["acme".into(), "Beta.example".into()]),
            primary_company: Some("beta".into()),
            name: Some("Anna".into()),
            ..person("1", &["Anna@acme.example", "anna@home.example", "ANNA@acme.example"])
        };
        assert_eq!(counts(&crm.contacts(vec![row.clone()]).await), (1, 0, 0, 0));
        assert_eq!(counts(&crm.contacts(vec![row]).await), (0, 0, 1, 0));
        assert_eq!(
            crm.listed().await,
            [(
                vec!["Anna@acme.example".to_owned(), "anna@home.example".to_owned()],
                vec!["beta".to_owned(), "acme".to_owned()]
            )]
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_not_in_the_file_stays_and_what_is_replaces() {
    on_each_engine(async |store| {
        let crm = Crm::new(store).await;
        crm.companies(&[("acme", "acme.example"), ("beta", "beta.example")]).await;
        let row =
            ContactRow { companies: Some(vec!["acme".into()]), ..person("1", &["a@acme.example", "b@acme.example"]) };
        crm.contacts(vec![row]).await;
        let only_company = ContactRow { addresses: None, companies: Some(vec!["beta".into()]), ..person("1", &[]) };
        assert_eq!(counts(&crm.contacts(vec![only_company]).await), (0, 1, 0, 0));
        crm.contacts(vec![person("1", &["b@acme.example"])]).await;
        assert_eq!(crm.listed().await, [(vec!["b@acme.example".to_owned()], vec!["beta".to_owned()])]);
    })
    .await;
}

#[tokio::test]
async fn an_address_of_two_contacts_is_a_bad_line_that_names_both() {
    on_each_engine(async |store| {
        let crm = Crm::new(store).await;
        let report = crm.contacts(vec![person("K1", &["a@x.example"]), person("K2", &["A@X.example"])]).await;
        assert_eq!(report.bad.len(), 1);
        assert_eq!(report.bad[0].line, 3);
        assert!(report.bad[0].reason.contains("K1") && report.bad[0].reason.contains("K2"), "{:?}", report.bad);
        assert_eq!(contact::Entity::find().count(&store.db).await.unwrap(), 0, "nothing is half-written");
    })
    .await;
}

#[tokio::test]
async fn an_address_may_move_to_a_contact_on_an_earlier_line() {
    on_each_engine(async |store| {
        let crm = Crm::new(store).await;
        crm.contacts(vec![person("1", &["a@x.example"]), person("2", &["b@x.example", "c@x.example"])]).await;
        let moved = vec![person("1", &["a@x.example", "b@x.example"]), person("2", &["c@x.example"])];
        assert_eq!(counts(&crm.contacts(moved.clone()).await), (0, 2, 0, 0));
        assert_eq!(counts(&crm.contacts(moved).await), (0, 0, 2, 0));
        crm.companies(&[("acme", "acme.example"), ("beta", "beta.example")]).await;
        assert_eq!(counts(&crm.companies(&[("acme", "beta.example"), ("beta", "acme.example")]).await), (0, 2, 0, 0));
        assert_eq!(crm.companies(&[("gamma", "acme.example")]).await.bad.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_contact_made_of_mail_is_taken_over_with_its_timeline() {
    on_each_engine(async |store| {
        let crm = Crm::new(store).await;
        let id = crm.made_of_mail("anna@acme.example").await;
        assert_eq!(counts(&crm.contacts(vec![person("1", &["ANNA@acme.example"])]).await), (0, 1, 0, 0));
        let taken = contact::Entity::find().one(&store.db).await.unwrap().unwrap();
        assert_eq!((taken.id, taken.key.as_deref(), taken.name.as_deref()), (id, Some("1"), Some("From Mail")));
    })
    .await;
}

#[tokio::test]
async fn contacts_made_of_mail_become_part_of_the_contact_that_has_their_addresses() {
    on_each_engine(async |store| {
        let crm = Crm::new(store).await;
        crm.contacts(vec![person("1", &["anna@acme.example"])]).await;
        crm.made_of_mail("anna@home.example").await;
        crm.made_of_mail("anna@phone.example").await;
        let row = person("1", &["anna@acme.example", "anna@home.example", "anna@phone.example"]);
        assert_eq!(counts(&crm.contacts(vec![row.clone()]).await), (0, 1, 0, 0));
        assert_eq!(crm.listed().await.len(), 1);
        assert_eq!(counts(&crm.contacts(vec![row]).await), (0, 0, 1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_deleted_contact_leaves_tombstones_until_an_import_brings_it_back() {
    on_each_engine(async |store| {
        let crm = Crm::new(store).await;
        crm.contacts(vec![person("1", &["a@x.example", "b@x.example"])]).await;
        contacts::remove(store, crm.workspace.id, &address("B@x.example"), &crm.clock).await.unwrap();
        assert_eq!(tombstone::Entity::find().count(&store.db).await.unwrap(), 2);
        assert_eq!(contact::Entity::find().count(&store.db).await.unwrap(), 0);
        crm.contacts(vec![person("1", &["a@x.example"])]).await;
        let left = tombstone::Entity::find().all(&store.db).await.unwrap();
        assert_eq!(left.iter().map(|t| t.address_folded.as_str()).collect::<Vec<_>>(), ["b@x.example"]);
    })
    .await;
}

#[tokio::test]
async fn every_bad_line_is_told_with_its_cure() {
    on_each_engine(async |store| {
        let crm = Crm::new(store).await;
        let report = crm
            .contacts(vec![
                ContactRow { owner: Some(Some(address("who@ours.example"))), ..person("1", &[]) },
                ContactRow { companies: Some(vec!["nowhere.example".into()]), ..person("2", &[]) },
                person("3", &["a@x.example"]),
                person("3", &["b@x.example"]),
            ])
            .await;
        let lines: Vec<u64> = report.bad.iter().map(|bad| bad.line).collect();
        assert_eq!(lines, [2, 3, 5]);
        assert!(report.bad[0].reason.contains("import the users"), "{:?}", report.bad);
        assert!(report.bad[1].reason.contains("import the companies"), "{:?}", report.bad);
        assert!(report.bad[2].reason.contains("line 4"), "{:?}", report.bad);
    })
    .await;
}

#[tokio::test]
async fn a_deal_finds_its_contacts_by_key_and_by_address_and_replaces_them() {
    on_each_engine(async |store| {
        let crm = Crm::new(store).await;
        crm.contacts(vec![person("1", &["a@x.example"]), person("2", &["b@x.example"])]).await;
        let row = |contacts: &[&str]| DealRow {
            key: "D".into(),
            name: Some("Deal".into()),
            stage: None,
            created_at: None,
            contacts: Some(contacts.iter().map(|name| (*name).to_owned()).collect()),
        };
        let deals = async |row: DealRow| crm.import(Rows::Deals(numbered(vec![row]))).await;
        assert_eq!(counts(&deals(row(&["1", "B@x.example"])).await), (1, 0, 0, 0));
        assert_eq!(entity::deal_contact::Entity::find().count(&store.db).await.unwrap(), 2);
        assert_eq!(counts(&deals(row(&["b@x.example"])).await), (0, 1, 0, 0));
        assert_eq!(counts(&deals(row(&["2"])).await), (0, 0, 1, 0));
        assert_eq!(deals(row(&["3"])).await.bad.len(), 1);
        assert_eq!(deal::Entity::find().one(&store.db).await.unwrap().unwrap().stage, "open");
    })
    .await;
}

#[tokio::test]
async fn users_are_updated_by_login_whatever_its_case() {
    on_each_engine(async |store| {
        let crm = Crm::new(store).await;
        let row = |login: &str, aliases: &[&str]| UserRow {
            login: address(login),
            name: None,
            aliases: Some(aliases.iter().map(|text| address(text)).collect()),
            seat: None,
            active: None,
        };
        let users = async |row: UserRow| crm.import(Rows::Users(numbered(vec![row]))).await;
        assert_eq!(
            counts(&users(row("anna@ours.example", &["a@ours.example", "anna@ours.example"])).await),
            (1, 0, 0, 0)
        );
        assert_eq!(counts(&users(row("anna@ours.example", &["A@ours.example"])).await), (0, 1, 0, 0));
        let gone = UserRow { active: Some(false), aliases: None, ..row("ANNA@ours.example", &[]) };
        assert_eq!(counts(&users(gone).await), (0, 1, 0, 0));
        let listed = crate::store::users::list(store, crm.workspace.id).await.unwrap();
        assert_eq!(
            (listed.len(), listed[0].user.active, listed[0].aliases.as_slice()),
            (1, false, &["A@ours.example".to_owned()][..])
        );
    })
    .await;
}
