//! The bounds of DynamoDB. Those that are published are marked with "AWS" (DynamoDB developer guide, "Quotas"); the
//! others keep the tables what they are for: leases and locks, held in memory on every node.

use std::time::Duration;

/// Tables of one account in one region. AWS: 2,500.
pub const TABLES_MAX: usize = 500;

/// Tables of all accounts together.
pub const TABLES_TOTAL_MAX: usize = 5_000;

/// Items of all tables together, in bytes as DynamoDB counts them plus [`ITEM_OVERHEAD_BYTES`] each.
pub const BYTES_MAX: u64 = 128 << 20;

/// What an item counts for beside its attributes, in bytes. AWS, in table sizes.
pub const ITEM_OVERHEAD_BYTES: u64 = 100;

/// Largest item, in bytes, with the names of its attributes. AWS.
pub const ITEM_BYTES_MAX: usize = 400 * 1024;

/// Deepest nesting of lists and maps in an item. AWS: 32 levels, the attribute itself being the first.
pub const NESTING_MAX: usize = 31;

/// Largest partition key, in bytes. AWS.
pub const HASH_KEY_BYTES_MAX: usize = 2048;

/// Largest sort key, in bytes. AWS.
pub const RANGE_KEY_BYTES_MAX: usize = 1024;

/// Largest page of Query and Scan, in bytes. AWS.
pub const PAGE_BYTES_MAX: usize = 1 << 20;

/// Items that one page of Query and Scan looks at, so that the state is not held for long.
pub const PAGE_ITEMS_MAX: usize = 20_000;

/// Largest answer of BatchGetItem, in bytes. AWS.
pub const BATCH_GET_BYTES_MAX: usize = 16 << 20;

/// Keys of one BatchGetItem. AWS.
pub const BATCH_GET_MAX: usize = 100;

/// Requests of one BatchWriteItem. AWS.
pub const BATCH_WRITE_MAX: usize = 25;

/// Requests of one transaction. AWS; the API model says the same.
pub const TRANSACTION_MAX: usize = 100;

/// All items of a transaction together, in bytes. AWS.
pub const TRANSACTION_BYTES_MAX: usize = 4 << 20;

/// What one proposal to the control log may hold, in bytes as DynamoDB counts them; the log itself bounds the encoded
/// form, which is larger. Batches are divided, a transaction cannot be.
pub const PROPOSAL_BYTES_MAX: usize = 900 * 1024;

/// How long a ClientRequestToken is remembered. AWS.
pub const TOKEN_LIFE: Duration = Duration::from_secs(600);

/// Tokens that are remembered; more transactions than that in [`TOKEN_LIFE`] are throttled.
pub const TOKENS_MAX: usize = 50_000;

/// Longest expression, in bytes. AWS.
pub const EXPRESSION_BYTES_MAX: usize = 4096;

/// Operators and functions of one expression. AWS.
pub const OPERATORS_MAX: usize = 300;

/// Operands of one IN. AWS.
pub const IN_OPERANDS_MAX: usize = 100;

/// Levels of a document path. AWS.
pub const PATH_LEVELS_MAX: usize = 32;

/// Longest name of an attribute, in bytes. AWS.
pub const NAME_BYTES_MAX: usize = 65_535;

/// Longest key of ExpressionAttributeNames and ExpressionAttributeValues, in bytes. AWS.
pub const PLACEHOLDER_BYTES_MAX: usize = 255;

/// Global secondary indexes of a table. AWS.
pub const GLOBAL_INDEXES_MAX: usize = 20;

/// Local secondary indexes of a table. AWS.
pub const LOCAL_INDEXES_MAX: usize = 5;

/// Attributes that all indexes of a table name in their projections together. AWS.
pub const PROJECTED_ATTRIBUTES_MAX: usize = 100;

/// Tags of a table. AWS.
pub const TAGS_MAX: usize = 50;

/// Names on a page of ListTables. AWS; the API model says the same.
pub const LIST_MAX: usize = 100;

/// How long an item outlives the moment at which it expires. AWS: a few days at most.
pub const EXPIRY_DELAY: Duration = Duration::from_secs(600);

/// What expired longer ago than this is kept, since the number is likely no time at all. AWS: five years.
pub const EXPIRY_AGE_MAX: Duration = Duration::from_secs(5 * 365 * 24 * 3600);

/// Expired items that one command takes out of one table.
pub const EXPIRED_MAX: usize = 100;

/// Longest part of a caller's own data that an error message repeats, in characters.
pub const ECHO_CHARS_MAX: usize = 1024;
