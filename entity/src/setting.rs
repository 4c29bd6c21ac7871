//! What the installation remembers about itself.

use sea_orm::entity::prelude::*;

/// A named value of the installation, such as the sealed key of its message hashes.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "setting")]
pub struct Model {
    /// Its name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Its value; secrets are sealed.
    pub value: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
