//! A mail domain of a company.

use sea_orm::entity::prelude::*;

/// A mail domain of a company; a domain belongs to one company. New contacts in it are linked to the company (E8).
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "company_domain")]
pub struct Model {
    /// The tenant.
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    /// The domain, lower-case and as A-labels (RFC 5890).
    #[sea_orm(primary_key, auto_increment = false)]
    pub domain: String,
    /// Whose domain it is.
    #[sea_orm(indexed)]
    pub company_id: Uuid,
    /// The company.
    #[sea_orm(belongs_to, from = "company_id", to = "id", on_delete = "Cascade")]
    pub company: BelongsTo<super::company::Entity>,
}

impl ActiveModelBehavior for ActiveModel {}
