//! The CRM before the first mail, as the files that it would export.

use mailtrail::cli::import::Kind;

/// The address that users put in Bcc.
pub const BCC: &str = "bcc@crm.example";

/// The address that users forward to.
pub const LOG: &str = "forward@crm.example";

/// Whose mail is never logged.
pub const NEVER_LOG: &str = "clinic.example";

/// Every export, in the order in which it can be read.
pub const EXPORTS: &[(Kind, &str)] =
    &[(Kind::Users, USERS), (Kind::Companies, COMPANIES), (Kind::Contacts, CONTACTS), (Kind::Deals, DEALS)];

const USERS: &str = "\
login,name,aliases,seat,active
anna@ours.example,Anna Berg,,core,true
bjorn@ours.example,Björn Lund,,core,true
zofia@ours.example,Zofia Nowak,z.nowak@ours.example,core,true
";

const COMPANIES: &str = "\
key,name,domains
nordbrod,Nordbröd AB,nordbrod.example
molen,De Molen BV,molen.example
backhaus,Backhaus Weiß GmbH,backhaus.example
";

const CONTACTS: &str = "\
key,name,addresses,companies,primary_company,owner
kees,Kees de Molenaar,kees@molen.example;k.molenaar@molen.example,molen,molen,anna@ours.example
juergen,Jürgen Weiß,juergen@backhaus.example,backhaus,backhaus,bjorn@ours.example
";

/// Kees has six open deals, of which the newest five count, and one that is won.
const DEALS: &str = "\
key,name,stage,created_at,contacts
molen-2020,Sieves,open,2020-03-02,kees
molen-2021,Sacks,open,2021-03-02,kees
molen-2022,Shafts,open,2022-03-02,kees
molen-2023,Sails,open,2023-03-02,kees
molen-2024,Gears,won,2024-03-02,kees
molen-2025,Hoist,open,2025-03-02,kees
molen-2026,Millstones,open,2026-03-02,kees
backhaus-2026,Ovens,open,2026-09-01,juergen
";
