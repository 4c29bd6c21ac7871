//! What the database knows about the rows of a batch.

use super::*;

use entity::{company, company_domain, user};

use crate::mail::domain;

pub(super) struct Known {
    pub by_key: HashMap<String, contact::Model>,
    /// Contacts without a key that have an address of the batch.
    keyless: HashMap<Uuid, contact::Model>,
    /// Whose an address of the batch is.
    owners: HashMap<String, Uuid>,
    /// Contacts without a key that a row of this batch took over.
    pub taken_over: HashMap<Uuid, Uuid>,
    /// The addresses as written, by contact and position.
    addresses: HashMap<Uuid, BTreeMap<i32, String>>,
    companies_of: HashMap<Uuid, BTreeMap<Uuid, bool>>,
    companies: HashMap<String, Uuid>,
    domains: HashMap<String, Uuid>,
    users: HashMap<String, Uuid>,
}

impl Known {
    pub async fn load(import: &Import<'_>, rows: &[Numbered<ContactRow>]) -> Result<Self, StoreError> {
        let tx = &import.tx;
        let keys: Vec<&str> = rows.iter().map(|row| row.row.key.as_str()).collect();
        let here = contact::Entity::find().filter(contact::Column::WorkspaceId.eq(import.workspace.id));
        let by_key = batch::find_in(tx, &here, contact::Column::Key, &keys).await?;
        let owners = owners(import, rows).await?;
        let ids: Vec<Uuid> = owners.values().copied().collect::<HashSet<_>>().into_iter().collect();
        let here = contact::Entity::find().filter(contact::Column::Key.is_null());
        let keyless = batch::find_in(tx, &here, contact::Column::Id, &ids).await?;

        let ids: Vec<Uuid> = by_key.iter().chain(&keyless).map(|contact| contact.id).collect();
        let mut addresses: HashMap<Uuid, BTreeMap<i32, String>> = HashMap::new();
        let find = contact_address::Entity::find();
        for row in batch::find_in(tx, &find, contact_address::Column::ContactId, &ids).await? {
            addresses.entry(row.contact_id).or_default().insert(row.position, row.address);
        }
        let mut companies_of: HashMap<Uuid, BTreeMap<Uuid, bool>> = HashMap::new();
        let find = contact_company::Entity::find();
        for row in batch::find_in(tx, &find, contact_company::Column::ContactId, &ids).await? {
            companies_of.entry(row.contact_id).or_default().insert(row.company_id, row.is_primary);
        }
        let (companies, domains) = companies(import, rows).await?;
        Ok(Self {
            by_key: by_key.into_iter().filter_map(|contact| Some((contact.key.clone()?, contact))).collect(),
            keyless: keyless.into_iter().map(|contact| (contact.id, contact)).collect(),
            owners,
            taken_over: HashMap::new(),
            addresses,
            companies_of,
            companies,
            domains,
            users: users(import, rows).await?,
        })
    }

    /// The owner as the row wants it: `None` to leave, `Some(None)` for nobody.
    pub fn owner(&self, row: &ContactRow) -> Result<Option<Option<Uuid>>, String> {
        let Some(Some(login)) = &row.owner else { return Ok(row.owner.as_ref().map(|_| None)) };
        let user = self.users.get(login.folded()).copied();
        user.map(|user| Some(Some(user))).ok_or_else(|| {
            format!("there is no user {login} to own it; import the users before the contacts, or leave owner empty")
        })
    }

    /// Contacts without a key that have one of the row's addresses, in their order.
    pub fn made_of_mail(&self, row: &ContactRow) -> Vec<Uuid> {
        let mut found = Vec::new();
        for address in row.addresses.iter().flatten() {
            if let Some(owner) = self.owners.get(address.folded())
                && self.keyless.contains_key(owner)
                && !self.taken_over.contains_key(owner)
                && !found.contains(owner)
            {
                found.push(*owner);
            }
        }
        found
    }

    /// Takes the first of these contacts over.
    pub fn adopt(&mut self, made_of_mail: &[Uuid]) -> Option<contact::Model> {
        let id = made_of_mail.first()?;
        self.taken_over.insert(*id, *id);
        self.keyless.get(id).cloned()
    }

    /// Whether the contact has these addresses in this order and spelling already.
    pub fn has_addresses(&self, contact: Uuid, wanted: &[&Address]) -> bool {
        let has = self.addresses.get(&contact).into_iter().flat_map(BTreeMap::values);
        has.map(String::as_str).eq(wanted.iter().map(|address| address.as_str()))
    }

    /// Gives the address to the contact if it is nobody else's.
    pub fn claim(&mut self, address: &Address, contact: Uuid) -> bool {
        let owner = *self.owners.entry(address.folded().to_owned()).or_insert(contact);
        self.taken_over.get(&owner).copied().unwrap_or(owner) == contact
    }

    /// The companies that the row wants, with which one is primary, where that differs from what is there.
    pub fn companies(&self, contact: Uuid, row: &ContactRow) -> Result<Option<BTreeMap<Uuid, bool>>, String> {
        let before = self.companies_of.get(&contact).cloned().unwrap_or_default();
        let mut wanted: BTreeMap<Uuid, bool> = match &row.companies {
            None => before.clone(),
            Some(names) => names
                .iter()
                .map(|name| self.company(name).map(|id| (id, before.get(&id).copied().unwrap_or(false))))
                .collect::<Result<_, _>>()?,
        };
        if let Some(primary) = &row.primary_company {
            wanted.values_mut().for_each(|is_primary| *is_primary = false);
            if !primary.is_empty() {
                wanted.insert(self.company(primary)?, true);
            }
        }
        Ok(Some(wanted).filter(|wanted| *wanted != before))
    }

    fn company(&self, name: &str) -> Result<Uuid, String> {
        let by_domain = || self.domains.get(&domain::fold(name)?).copied();
        self.companies.get(name).copied().or_else(by_domain).ok_or_else(|| {
            format!(
                "there is no company {name}, neither by key nor by domain; import the companies before the contacts"
            )
        })
    }
}

async fn owners(import: &Import<'_>, rows: &[Numbered<ContactRow>]) -> Result<HashMap<String, Uuid>, StoreError> {
    let wanted: Vec<&str> =
        rows.iter().flat_map(|row| row.row.addresses.iter().flatten()).map(Address::folded).collect();
    let here = contact_address::Entity::find().filter(contact_address::Column::WorkspaceId.eq(import.workspace.id));
    let rows = batch::find_in(&import.tx, &here, contact_address::Column::AddressFolded, &wanted).await?;
    Ok(rows.into_iter().map(|row| (row.address_folded, row.contact_id)).collect())
}

/// The companies that the rows name, by key and by domain.
async fn companies(
    import: &Import<'_>,
    rows: &[Numbered<ContactRow>],
) -> Result<(HashMap<String, Uuid>, HashMap<String, Uuid>), StoreError> {
    let listed = rows.iter().flat_map(|row| row.row.companies.iter().flatten());
    let names: HashSet<&str> =
        listed.chain(rows.iter().filter_map(|row| row.row.primary_company.as_ref())).map(String::as_str).collect();
    let keys: Vec<&str> = names.iter().copied().collect();
    let here = company::Entity::find().filter(company::Column::WorkspaceId.eq(import.workspace.id));
    let by_key = batch::find_in(&import.tx, &here, company::Column::Key, &keys).await?;
    let domains: Vec<String> = names.iter().filter_map(|name| domain::fold(name)).collect();
    let here = company_domain::Entity::find().filter(company_domain::Column::WorkspaceId.eq(import.workspace.id));
    let by_domain = batch::find_in(&import.tx, &here, company_domain::Column::Domain, &domains).await?;
    Ok((
        by_key.into_iter().map(|company| (company.key, company.id)).collect(),
        by_domain.into_iter().map(|row| (row.domain, row.company_id)).collect(),
    ))
}

async fn users(import: &Import<'_>, rows: &[Numbered<ContactRow>]) -> Result<HashMap<String, Uuid>, StoreError> {
    let logins: HashSet<&str> =
        rows.iter().filter_map(|row| row.row.owner.as_ref()?.as_ref()).map(Address::folded).collect();
    let logins: Vec<&str> = logins.into_iter().collect();
    let here = user::Entity::find().filter(user::Column::WorkspaceId.eq(import.workspace.id));
    let users = batch::find_in(&import.tx, &here, user::Column::LoginFolded, &logins).await?;
    Ok(users.into_iter().map(|user| (user.login_folded, user.id)).collect())
}
