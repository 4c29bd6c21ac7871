//! Which worker reads which account, and the fence that keeps out one that was taken for dead.
//!
//! A worker is alive as long as its row has not expired, by the database's own clock, so that a heartbeat costs one row
//! however many accounts are held. A lease is held by who is named in its row, in an epoch that grows each time it is
//! taken. Of a worker that has expired the leases are freed by whoever sees it first.

use entity::{account, lease, worker};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ConnectionTrait, DatabaseBackend, DatabaseTransaction, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect,
    RelationTrait, Select, Statement, Value,
};
use uuid::Uuid;

use super::{Store, StoreError, Tx, padded};

/// Under what something is written about an account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fence {
    /// Under no lease: on SQLite, and by commands. The cursor's compare-and-set and the unique keys are the guard.
    #[default]
    Open,
    /// Only as long as the lease is the writer's.
    Lease(Lease),
}

/// A lease as it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The account.
    pub account: Uuid,
    /// Who took it.
    pub worker: Uuid,
    /// The how manieth taking it was.
    pub epoch: i64,
}

/// A lease in the database, and whether its account is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The lease.
    pub lease: Lease,
    /// Whether the account is to be read; else it is to be given back.
    pub wanted: bool,
}

/// The workers, as the database shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workers {
    /// Those alive with the leases that they hold, by identifier.
    pub alive: Vec<(Uuid, usize)>,
    /// Whether others have expired.
    pub expired: bool,
    /// Leases that nobody holds, counted up to a bound.
    pub free: usize,
}

/// Leases taken or given back with one statement.
const ROWS: usize = 512;

/// Free leases counted at most: what is beyond shows when these are taken.
const COUNTED: i64 = 100_000;

/// An account that is to be read; the trigger of the migration says the same.
const WANTED: &str = "account.kind IN ('bcc', 'forwarding', 'personal') \
    AND account.state IN ('active', 'needs-reauth', 'needs-admin-consent', 'broken')";

/// Checks that the lease is still the writer's, and keeps it so until the transaction ends: whoever takes over waits.
pub(in crate::store) async fn check(db: &DatabaseTransaction, fence: Fence) -> Result<(), StoreError> {
    let Fence::Lease(Lease { account, worker, epoch }) = fence else { return Ok(()) };
    let holds = "SELECT 1 FROM lease WHERE account_id = $1 AND worker_id = $2 AND epoch = $3 FOR SHARE";
    match db.query_one_raw(postgres(holds, [account.into(), worker.into(), epoch.into()])).await? {
        Some(_) => Ok(()),
        None => Err(StoreError::LeaseLost),
    }
}

impl Store {
    /// Whether several processes may read accounts of this database.
    pub fn is_shared(&self) -> bool {
        self.backend == DatabaseBackend::Postgres
    }

    /// Begins a transaction that writes about an account, if its lease is still the writer's.
    pub async fn begin_fenced(&self, fence: Fence) -> Result<Tx, StoreError> {
        let transaction = self.begin().await?;
        check(&transaction, fence).await?;
        Ok(transaction)
    }

    /// A new worker, which lives for `life` seconds from now on.
    pub async fn enter(&self, worker: Uuid, label: &str, life: f64) -> Result<(), StoreError> {
        let row = "INSERT INTO worker (id, label, started_at, expires_at) \
            VALUES ($1, $2, clock_timestamp(), clock_timestamp() + make_interval(secs => $3))";
        self.db.execute_raw(postgres(row, [worker.into(), label.into(), life.into()])).await?;
        Ok(())
    }

    /// Has a worker live for `life` seconds from now on, and counts its leases. False if it has expired: then others may
    /// have taken them.
    pub async fn renew(&self, worker: Uuid, life: f64) -> Result<bool, StoreError> {
        let row = "UPDATE worker SET expires_at = clock_timestamp() + make_interval(secs => $2), \
            held = (SELECT count(*) FROM lease WHERE worker_id = $1) \
            WHERE id = $1 AND expires_at > clock_timestamp()";
        let renewed = self.db.execute_raw(postgres(row, [worker.into(), life.into()])).await?;
        Ok(renewed.rows_affected() == 1)
    }

    /// Ends a worker: its leases are free.
    pub async fn leave(&self, worker: Uuid) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        worker::Entity::delete_by_id(worker).exec(&*transaction).await?;
        super::listen::notify(&transaction).await?;
        transaction.commit().await
    }

    /// The workers, and how many leases are free: in one statement, because a lease that passes from one to the other
    /// between two would count twice or not at all.
    pub async fn workers(&self) -> Result<Workers, StoreError> {
        let rows = "SELECT id, held, expires_at > clock_timestamp() AS alive, (SELECT count(*) FROM \
            (SELECT 1 FROM lease WHERE worker_id IS NULL AND wanted LIMIT $1) AS counted) AS free FROM worker ORDER BY id";
        let rows = self.db.query_all_raw(postgres(rows, [COUNTED.into()])).await?;
        let mut workers = Workers::default();
        for row in rows {
            if row.try_get("", "alive")? {
                let held: i64 = row.try_get("", "held")?;
                workers.alive.push((row.try_get("", "id")?, usize::try_from(held).unwrap_or_default()));
            } else {
                workers.expired = true;
            }
            let free: i64 = row.try_get("", "free")?;
            workers.free = usize::try_from(free).unwrap_or_default();
        }
        Ok(workers)
    }

    /// How many accounts are to be read and are not, counted up to `bound`.
    pub async fn free(&self, bound: u32) -> Result<usize, StoreError> {
        let count = "SELECT count(*) AS free FROM \
            (SELECT 1 FROM lease WHERE worker_id IS NULL AND wanted LIMIT $1) AS counted";
        let row = self.db.query_one_raw(postgres(count, [i64::from(bound).into()])).await?;
        let free: i64 = row.map_or(Ok(0), |row| row.try_get("", "free"))?;
        Ok(usize::try_from(free).unwrap_or_default())
    }

    /// Frees the leases of workers that have expired. A lease under which something is being written is left for the
    /// next time, and its worker's row with it.
    pub async fn bury(&self) -> Result<u64, StoreError> {
        let transaction = self.begin().await?;
        let expired = "SELECT id FROM worker WHERE expires_at <= clock_timestamp() LIMIT 16 FOR UPDATE SKIP LOCKED";
        let rows = transaction.query_all_raw(postgres(expired, [])).await?;
        let mut freed = 0;
        for row in rows {
            let id: Uuid = row.try_get("", "id")?;
            let free = "WITH free AS MATERIALIZED \
                (SELECT account_id FROM lease WHERE worker_id = $1 FOR UPDATE SKIP LOCKED) \
                UPDATE lease SET worker_id = NULL FROM free WHERE lease.account_id = free.account_id";
            freed += transaction.execute_raw(postgres(free, [id.into()])).await?.rows_affected();
            let gone = "DELETE FROM worker WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM lease WHERE worker_id = $1)";
            transaction.execute_raw(postgres(gone, [id.into()])).await?;
        }
        if freed > 0 {
            super::listen::notify(&transaction).await?;
        }
        transaction.commit().await?;
        Ok(freed)
    }

    /// Takes up to `count` free leases. How many there were.
    pub async fn claim(&self, worker: Uuid, count: usize) -> Result<usize, StoreError> {
        let mut taken = 0;
        while taken < count {
            let wanted = (count - taken).min(ROWS);
            let transaction = self.begin().await?;
            let take = "WITH free AS MATERIALIZED (SELECT account_id FROM lease WHERE worker_id IS NULL AND wanted \
                LIMIT $2 FOR UPDATE SKIP LOCKED) \
                UPDATE lease SET worker_id = $1, epoch = epoch + 1 FROM free WHERE lease.account_id = free.account_id \
                AND EXISTS (SELECT 1 FROM worker WHERE id = $1 AND expires_at > clock_timestamp())";
            let limit = i64::try_from(wanted).unwrap_or(i64::MAX);
            let done = transaction.execute_raw(postgres(take, [worker.into(), limit.into()])).await?.rows_affected();
            count_held(&transaction, worker).await?;
            transaction.commit().await?;
            let done = usize::try_from(done).unwrap_or_default();
            taken += done;
            if done < wanted {
                break;
            }
        }
        Ok(taken)
    }

    /// Gives leases back.
    pub async fn release(&self, worker: Uuid, accounts: &[Uuid]) -> Result<(), StoreError> {
        for some in accounts.chunks(ROWS) {
            let transaction = self.begin().await?;
            lease::Entity::update_many()
                .col_expr(lease::Column::WorkerId, Expr::value(Option::<Uuid>::None))
                .filter(lease::COLUMN.worker_id.eq(worker))
                .filter(lease::COLUMN.account_id.is_in(padded(some.iter().copied())))
                .exec(&*transaction)
                .await?;
            count_held(&transaction, worker).await?;
            super::listen::notify(&transaction).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// The leases of a worker.
    pub async fn leases_of(&self, worker: Uuid) -> Result<Vec<Held>, StoreError> {
        let rows = lease::Entity::find().filter(lease::COLUMN.worker_id.eq(worker)).all(&self.db).await?;
        let held = |row: lease::Model| {
            let lease = Lease { account: row.account_id, worker, epoch: row.epoch };
            Held { lease, wanted: row.wanted }
        };
        Ok(rows.into_iter().map(held).collect())
    }

    /// The accounts that a worker holds.
    pub async fn accounts_of(&self, worker: Uuid) -> Result<Vec<account::Model>, StoreError> {
        let found = held_by(worker)
            .filter(lease::COLUMN.wanted.eq(true))
            .order_by_asc(account::Column::AddressFolded)
            .all(&self.db)
            .await?;
        Ok(found)
    }

    /// [`Store::accounts_at_a_glance`] over the accounts that a worker holds.
    pub async fn held_at_a_glance(&self, worker: Uuid) -> Result<Vec<super::watching::Glance>, StoreError> {
        self.glance(held_by(worker)).await
    }

    /// Mends leases that do not agree with their accounts, as after rows that were restored or copied without triggers.
    /// It reads all accounts. How many did not.
    pub async fn mend_leases(&self) -> Result<u64, StoreError> {
        let mend = format!(
            "INSERT INTO lease (account_id, epoch, wanted) SELECT account.id, 0, {WANTED} FROM account \
             LEFT JOIN lease ON lease.account_id = account.id WHERE lease.wanted IS DISTINCT FROM ({WANTED}) \
             ON CONFLICT (account_id) DO UPDATE SET wanted = excluded.wanted"
        );
        Ok(self.db.execute_raw(Statement::from_string(DatabaseBackend::Postgres, mend)).await?.rows_affected())
    }
}

fn held_by(worker: Uuid) -> Select<account::Entity> {
    account::Entity::find()
        .join_rev(JoinType::InnerJoin, lease::Relation::Account.def())
        .filter(lease::COLUMN.worker_id.eq(worker))
}

async fn count_held(db: &DatabaseTransaction, worker: Uuid) -> Result<(), StoreError> {
    let held = "UPDATE worker SET held = (SELECT count(*) FROM lease WHERE worker_id = $1) WHERE id = $1";
    db.execute_raw(postgres(held, [worker.into()])).await?;
    Ok(())
}

fn postgres(sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(DatabaseBackend::Postgres, sql, values)
}
