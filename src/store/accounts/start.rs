//! The day an account starts from, when it is changed (J13).

use chrono::{DateTime, NaiveTime, Utc};
use entity::{account, ledger, mailbox};
use sea_orm::sea_query::Expr;
use sea_orm::{EntityTrait, QueryFilter};
use uuid::Uuid;

use crate::decide::Code;
use crate::store::{StoreError, Tx};

/// Whether an account, as it is `after` a change, is to log mail that it passed over as it was `before`.
pub fn is_earlier(after: &account::Model, before: &account::Model) -> bool {
    start(before).is_some_and(|before| start(after).is_none_or(|after| after < before))
}

/// The moment an account starts from. Where it names no day, that is the first mail, but in a personal inbox the moment it
/// was connected (decision 10).
fn start(account: &account::Model) -> Option<DateTime<Utc>> {
    let named = account.since.map(|day| day.and_time(NaiveTime::MIN).and_utc());
    named.or_else(|| (account.kind == "personal").then_some(account.created_at))
}

/// Has the mailboxes of an account begin anew at the next look, where its new start is found. Verdicts stay, so that no
/// message is judged twice; those that only said that a message was too early are taken back.
pub(super) async fn move_back(tx: &Tx, account: Uuid) -> Result<(), StoreError> {
    let mailboxes = mailbox::Entity::find().filter(mailbox::COLUMN.account_id.eq(account)).all(&**tx).await?;
    for row in mailboxes {
        ledger::Entity::delete_many()
            .filter(ledger::COLUMN.mailbox_id.eq(row.id))
            .filter(ledger::COLUMN.uid_validity.eq(row.uid_validity))
            .filter(ledger::COLUMN.code.eq(Code::BeforeStart.as_str()))
            .exec(&**tx)
            .await?;
        mailbox::Entity::update_many()
            .col_expr(mailbox::Column::UidValidity, Expr::value(0_i64))
            .col_expr(mailbox::Column::UidNext, Expr::value(Option::<i64>::None))
            .filter(mailbox::COLUMN.id.eq(row.id))
            .exec(&**tx)
            .await?;
    }
    Ok(())
}
