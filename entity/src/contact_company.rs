//! Which companies a contact belongs to.

use sea_orm::entity::prelude::*;

/// A contact belongs to a company.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contact_company")]
pub struct Model {
    /// The contact.
    #[sea_orm(primary_key, auto_increment = false)]
    pub contact_id: Uuid,
    /// The company.
    #[sea_orm(primary_key, auto_increment = false, indexed)]
    pub company_id: Uuid,
    /// Whether it is the contact's primary company, the one that mail is logged to (E2). One at most.
    pub is_primary: bool,
    /// The contact.
    #[sea_orm(belongs_to, from = "contact_id", to = "id", on_delete = "Cascade")]
    pub contact: BelongsTo<super::contact::Entity>,
    /// The company.
    #[sea_orm(belongs_to, from = "company_id", to = "id", on_delete = "Cascade")]
    pub company: BelongsTo<super::company::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
