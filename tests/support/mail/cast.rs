//! Who writes to whom, and the CRM records they are known by.

use super::chance::Chance;

/// The people of one generated mailbox.
#[derive(Clone, Debug)]
pub struct Cast {
    /// The mailbox that users put into Bcc.
    pub log_address: String,
    /// CRM users: `seller0@ours.example` …
    pub users: usize,
    /// Customers: `buyer0@firm0.example` …; every second one is in the CRM before the first mail.
    pub customers: usize,
}

impl Default for Cast {
    fn default() -> Self {
        Self { log_address: "log@crm.example".to_owned(), users: 20, customers: 2_000 }
    }
}

/// The mail domain of the users.
pub const OWN_DOMAIN: &str = "ours.example";
/// Entry of the workspace's never-log list.
pub const NEVER_LOG: &str = "*@private.example";
/// Customers of one firm.
const FIRM: usize = 5;

impl Cast {
    /// Login of a user.
    pub fn user(&self, index: usize) -> String {
        format!("seller{}@{OWN_DOMAIN}", index % self.users)
    }

    /// Second address of a user.
    pub fn alias(&self, index: usize) -> String {
        format!("desk{}@shop.example", index % self.users)
    }

    /// Address of a customer.
    pub fn customer(&self, index: usize) -> String {
        let index = index % self.customers;
        format!("buyer{index}@firm{}.example", index / FIRM)
    }

    /// Any customer.
    pub fn any_customer(&self, chance: &mut Chance) -> String {
        self.customer(chance.below(self.customers))
    }

    /// `import users`
    pub fn users_csv(&self) -> String {
        let rows = (0..self.users).map(|n| format!("{},Seller {n},{},core,true\n", self.user(n), self.alias(n)));
        format!("login,name,aliases,seat,active\n{}", rows.collect::<String>())
    }

    /// `import companies`
    pub fn companies_csv(&self) -> String {
        let rows = (0..self.customers.div_ceil(FIRM)).map(|n| format!("firm{n},Firm {n},firm{n}.example\n"));
        format!("key,name,domains\n{}", rows.collect::<String>())
    }

    /// `import contacts`
    pub fn contacts_csv(&self) -> String {
        let known = (0..self.customers).step_by(2);
        let rows = known.map(|n| {
            let (address, firm, owner) = (self.customer(n), n / FIRM, self.user(n));
            format!("buyer{n},Buyer {n},{address},firm{firm},firm{firm},{owner}\n")
        });
        format!("key,name,addresses,companies,primary_company,owner\n{}", rows.collect::<String>())
    }

    /// `import deals`: every tenth customer has seven open ones and a lost one, of which five are linked (E3).
    pub fn deals_csv(&self) -> String {
        let mut rows = String::from("key,name,stage,created_at,contacts\n");
        for n in (0..self.customers).step_by(10) {
            for month in 1..=8 {
                let stage = if month == 8 { "lost" } else { "open" };
                rows += &format!("deal{n}-{month},Deal {n} {month},{stage},2026-0{month}-01T00:00:00Z,buyer{n}\n");
            }
        }
        rows
    }
}
