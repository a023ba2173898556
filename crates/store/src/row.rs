//! The values that come out of a query.

use jiff::Timestamp;
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

use crate::Error;

/// One row of a query's answer, alive while the reading closure runs.
#[derive(Clone, Copy)]
pub struct Row<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl<'a> Row<'a> {
    pub(crate) fn sqlite(row: &'a rusqlite::Row<'a>) -> Self {
        Row(Source::Sqlite(row))
    }

    pub(crate) fn postgres(row: &'a tokio_postgres::Row) -> Self {
        Row(Source::Postgres(row))
    }

    /// The column at `index`, from 0.
    ///
    /// # Errors
    /// [`Error::Column`] where the row holds something else than a `T` there.
    pub fn get<T: FromColumn>(&self, index: usize) -> Result<T, Error> {
        let value = self.value(index)?;
        T::from_value(value).ok_or(Error::Column { index, expected: T::NAME, found: value.name() })
    }

    fn value(&self, index: usize) -> Result<Value<'a>, Error> {
        let broken = |found| Error::Column { index, expected: "a readable value", found };
        match self.0 {
            Source::Sqlite(row) => {
                let value = row.get_ref(index).map_err(|_| broken("no such column"))?;
                Value::from_sqlite(value).ok_or_else(|| broken("a float, or text that is not UTF-8"))
            }
            Source::Postgres(row) => {
                row.try_get(index).map_err(|_| broken("no such column, or a type we do not use (CAST it)"))
            }
        }
    }
}

/// What a column may hold, on either engine.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// A whole number.
    Int(i64),
    /// Text.
    Text(&'a str),
    /// Raw bytes; a `uuid` of PostgreSQL comes as its 16 bytes.
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    fn from_sqlite(value: rusqlite::types::ValueRef<'a>) -> Option<Self> {
        use rusqlite::types::ValueRef;
        match value {
            ValueRef::Null => Some(Value::Null),
            ValueRef::Integer(value) => Some(Value::Int(value)),
            ValueRef::Text(text) => std::str::from_utf8(text).ok().map(Value::Text),
            ValueRef::Blob(bytes) => Some(Value::Bytes(bytes)),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Value::Null => "NULL",
            Value::Int(_) => "a whole number",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
        }
    }
}

impl<'a> FromSql<'a> for Value<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        match *ty {
            Type::INT8 => Ok(Value::Int(i64::from_sql(ty, raw)?)),
            Type::INT4 => Ok(Value::Int(i32::from_sql(ty, raw)?.into())),
            Type::INT2 => Ok(Value::Int(i16::from_sql(ty, raw)?.into())),
            Type::BOOL => Ok(Value::Int(bool::from_sql(ty, raw)?.into())),
            Type::TEXT | Type::VARCHAR | Type::NAME => Ok(Value::Text(<&str>::from_sql(ty, raw)?)),
            _ => Ok(Value::Bytes(raw)),
        }
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Value::Null)
    }

    fn accepts(ty: &Type) -> bool {
        [&Type::INT8, &Type::INT4, &Type::INT2, &Type::BOOL, &Type::TEXT, &Type::VARCHAR, &Type::NAME]
            .into_iter()
            .chain([&Type::BYTEA, &Type::UUID])
            .any(|known| known == ty)
    }
}

/// A type that a column can be read as.
pub trait FromColumn: Sized {
    /// What to call it in an error.
    const NAME: &'static str;
    /// The value as this type, or `None` where it is something else.
    fn from_value(value: Value<'_>) -> Option<Self>;
}

impl FromColumn for i64 {
    const NAME: &'static str = "a whole number";
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Int(value) => Some(value),
            _ => None,
        }
    }
}

impl FromColumn for u32 {
    const NAME: &'static str = "a whole number from 0 to 4294967295";
    fn from_value(value: Value<'_>) -> Option<Self> {
        i64::from_value(value)?.try_into().ok()
    }
}

impl FromColumn for bool {
    const NAME: &'static str = "0 or 1";
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Int(0) => Some(false),
            Value::Int(1) => Some(true),
            _ => None,
        }
    }
}

impl FromColumn for String {
    const NAME: &'static str = "text";
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Text(value) => Some(value.to_owned()),
            _ => None,
        }
    }
}

impl FromColumn for Vec<u8> {
    const NAME: &'static str = "bytes";
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Bytes(value) => Some(value.to_vec()),
            _ => None,
        }
    }
}

impl FromColumn for Uuid {
    const NAME: &'static str = "an id";
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Bytes(value) => Uuid::from_slice(value).ok(),
            _ => None,
        }
    }
}

impl FromColumn for Timestamp {
    const NAME: &'static str = "a time in microseconds";
    fn from_value(value: Value<'_>) -> Option<Self> {
        Timestamp::from_microsecond(i64::from_value(value)?).ok()
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    const NAME: &'static str = T::NAME;
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}
