//! Sales from a file: everything is checked before anything is sold, and then all of it is sold or nothing.

use std::collections::{HashMap, HashSet};

use purser_kit::console::{Doer, Progress};
use purser_ledger::{AccountId, Book};
use purser_money::Money;
use purser_outbox::job_enqueue;
use purser_store::Tx;
use uuid::Uuid;

use super::{Order, sale_reserve, sales_create};
use crate::catalog::Catalog;
use crate::connector::Name;
use crate::domain::{Phone, PhoneNumber, Settings, Standing};
use crate::error::Error;
use crate::jobs::Deliver;
use crate::sheet::{NamedSeller, SheetRow};
use crate::store::{self, SellerKey};

/// A file's rows, checked against what the database knows now.
#[derive(Debug, Clone)]
pub(crate) struct CheckedSheet {
    pub(crate) rows: Vec<CheckedRow>,
    /// What sellers pay for the good rows.
    pub(crate) total: Money,
    /// Whose sales they are.
    pub(crate) sellers: usize,
}

/// A row, and what is wrong with it.
#[derive(Debug, Clone)]
pub(crate) struct CheckedRow {
    pub(crate) line: u64,
    pub(crate) cells: Vec<String>,
    pub(crate) errors: Vec<String>,
    /// What it would sell, where nothing is wrong.
    wanted: Option<Wanted>,
}

#[derive(Debug, Clone)]
struct Wanted {
    seller: Uuid,
    number: PhoneNumber,
    amount: Money,
    /// What the seller pays for it.
    price: Money,
    client_ref: Option<String>,
}

impl CheckedSheet {
    pub(crate) fn good(&self) -> usize {
        self.rows.iter().filter(|row| row.errors.is_empty()).count()
    }

    pub(crate) fn bad(&self) -> usize {
        self.rows.len() - self.good()
    }
}

/// Checks rows by the rules of sales, one after another, as if those before were sold. `only` is the one seller whose
/// sales they may be, and are where they do not say.
pub(crate) fn sheet_check(
    tx: &mut Tx<'_>,
    settings: &Settings,
    rows: Vec<SheetRow>,
    only: Option<Uuid>,
) -> Result<CheckedSheet, Error> {
    let known = Known::load(tx, &rows, only)?;
    let book = Book::open(tx, known.sellers.values().map(|seller| seller.account))?;
    let only_known = settings.only_known;
    let mut checking = Checking { known, book, only_known, left: HashMap::new(), refs: HashSet::new() };
    let mut sheet =
        CheckedSheet { rows: Vec::with_capacity(rows.len()), total: Money::zero(settings.currency), sellers: 0 };
    let mut sellers = HashSet::new();
    for row in rows {
        let row = checking.row(row, only)?;
        if let Some(wanted) = &row.wanted {
            sheet.total =
                sheet.total.checked_add(wanted.price).ok_or(Error::BadFile("its total is too large".to_owned()))?;
            sellers.insert(wanted.seller);
        }
        sheet.rows.push(row);
    }
    sheet.sellers = sellers.len();
    Ok(sheet)
}

/// What the database knows of the rows.
struct Known {
    sellers: HashMap<Uuid, SellerKey>,
    catalog: Catalog,
    names: HashMap<String, Vec<Uuid>>,
    phones: HashMap<PhoneNumber, Phone>,
    refs: HashMap<(Uuid, String), Uuid>,
}

impl Known {
    fn load(tx: &mut Tx<'_>, rows: &[SheetRow], only: Option<Uuid>) -> Result<Self, Error> {
        let named: HashSet<&str> = rows
            .iter()
            .filter_map(|row| match &row.seller {
                Some(NamedSeller::Name(name)) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        let mut names: HashMap<String, Vec<Uuid>> = HashMap::new();
        for (name, id) in store::sellers_by_name(tx, &named.into_iter().collect::<Vec<_>>())? {
            names.entry(name).or_default().push(id);
        }
        let ids = rows.iter().filter_map(|row| match &row.seller {
            Some(NamedSeller::Id(id)) => Some(*id),
            _ => None,
        });
        let ids: HashSet<Uuid> = ids.chain(names.values().flatten().copied()).chain(only).collect();
        let sellers = store::seller_keys(tx, &ids.into_iter().collect::<Vec<_>>())?;
        let numbers: HashSet<&PhoneNumber> = rows.iter().filter_map(|row| row.number.as_ref()).collect();
        let phones = store::phones_by_number(tx, &numbers.into_iter().collect::<Vec<_>>())?;
        let mut known = Known {
            sellers,
            catalog: store::operator::catalog_load(tx)?,
            names,
            phones: phones.into_iter().map(|phone| (phone.number.clone(), phone)).collect(),
            refs: HashMap::new(),
        };
        let refs: HashSet<(Uuid, &str)> =
            rows.iter().filter_map(|row| Some((known.seller(row, only).ok()??, row.client_ref.as_deref()?))).collect();
        known.refs = store::sales_by_ref(tx, &refs.into_iter().collect::<Vec<_>>())?.into_iter().collect();
        Ok(known)
    }

    /// The seller of a row; `None` where the row says nothing that can be read.
    fn seller(&self, row: &SheetRow, only: Option<Uuid>) -> Result<Option<Uuid>, String> {
        let found = match (&row.seller, only) {
            (None, _) => return Ok(None),
            (Some(NamedSeller::Unsaid), Some(only)) => only,
            (Some(NamedSeller::Unsaid), None) => return Err("Name the seller, by seller_id or by seller.".to_owned()),
            (Some(NamedSeller::Id(id)), _) => *id,
            (Some(NamedSeller::Name(name)), _) => match self.names.get(name).map(Vec::as_slice) {
                Some([id]) => *id,
                Some([_, _, ..]) => return Err(format!("Several sellers are called '{name}'; use seller_id.")),
                _ => return Err(format!("No seller is called '{name}'.")),
            },
        };
        // Another's seller is no seller, for whoever sells for one alone.
        match only.is_none_or(|only| only == found) && self.sellers.contains_key(&found) {
            true => Ok(Some(found)),
            false => Err(Error::NoSeller.to_string()),
        }
    }
}

/// The check, as far as it has come.
struct Checking {
    known: Known,
    book: Book,
    only_known: bool,
    /// What the rows before have left of each seller's credit.
    left: HashMap<AccountId, Money>,
    refs: HashSet<(Uuid, String)>,
}

impl Checking {
    fn row(&mut self, row: SheetRow, only: Option<Uuid>) -> Result<CheckedRow, Error> {
        let mut errors = row.errors.clone();
        let seller = self.known.seller(&row, only).unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        let key = seller.and_then(|id| Some((id, self.known.sellers.get(&id)?.clone())));
        if let Some((id, key)) = &key {
            if key.standing != Standing::Active {
                errors.push(Error::SellerNotActive(key.standing).to_string());
            }
            if let Some(client_ref) = &row.client_ref {
                let named = (*id, client_ref.clone());
                if let Some(sale) = self.known.refs.get(&named) {
                    errors.push(Error::DuplicateRef { client_ref: client_ref.clone(), sale: *sale }.to_string());
                } else if !self.refs.insert(named) && errors.is_empty() {
                    errors.push("client_ref is in a row above.".to_owned());
                }
            }
        }
        if let Some(phone) = row.number.as_ref().and_then(|number| self.known.phones.get(number))
            && phone.standing != Standing::Active
        {
            let refused = Error::PhoneNotActive { number: phone.number.clone(), standing: phone.standing };
            errors.push(refused.to_string());
        }
        let mut wanted = None;
        if let (true, Some((seller, key)), Some(number), Some(amount)) =
            (errors.is_empty(), key, row.number, row.amount)
        {
            match self.known.catalog.price(&key.prices, &number, amount, self.only_known) {
                Ok(priced) => match self.take(key.account, priced.price)? {
                    None => {
                        let (price, client_ref) = (priced.price, row.client_ref);
                        wanted = Some(Wanted { seller, number, amount, price, client_ref });
                    }
                    Some(error) => errors.push(error),
                },
                Err(refused) => errors.push(refused.to_string()),
            }
        }
        Ok(CheckedRow { line: row.line, cells: row.cells, errors, wanted })
    }

    /// Takes from what the rows before have left, or says why not.
    fn take(&mut self, account: AccountId, amount: Money) -> Result<Option<String>, Error> {
        let available = match self.left.get(&account) {
            Some(left) => *left,
            None => self.book.available(account)?,
        };
        match available.checked_sub(amount).filter(|left| left.minor() >= 0) {
            Some(left) => drop(self.left.insert(account, left)),
            None => {
                let left = available.for_people();
                return Ok(Some(format!("The credit of {left} that the rows above leave does not cover it.")));
            }
        }
        Ok(None)
    }
}

/// Who sells a file, when, and with what.
pub(crate) struct Selling<'s> {
    pub(crate) settings: &'s Settings,
    pub(crate) connector: Name,
    pub(crate) doer: &'s mut Doer,
    /// What the audit log says was sold from.
    pub(crate) subject: String,
    /// Hears how many sales are made so far; they stand only when the command is done.
    pub(crate) progress: &'s Progress,
}

/// Sales made at once; so many are told of before the next.
const STRIDE: usize = 1_000;

/// Sells all of a checked file; how many sales that is. Where there is an operator behind them, they are delivered by
/// the workers.
///
/// # Errors
/// [`Error::BadRows`] where a row is not good: then nothing is sold.
pub(crate) fn sheet_sell(tx: &mut Tx<'_>, sheet: &CheckedSheet, selling: Selling<'_>) -> Result<usize, Error> {
    if sheet.bad() > 0 {
        return Err(Error::BadRows(sheet.bad()));
    }
    let Selling { settings, connector, doer, subject, progress } = selling;
    let entered = serde_json::json!({ "sales": sheet.good(), "total": sheet.total.to_string() });
    doer.record(tx, "charge.sales.import", &subject, &serde_json::json!({ "entered": entered }))?;
    let wanted: Vec<&Wanted> = sheet.rows.iter().filter_map(|row| row.wanted.as_ref()).collect();
    let orders: Vec<Order> = wanted
        .into_iter()
        .map(|wanted| Order {
            id: doer.fresh_id(),
            phone_id: doer.fresh_id(),
            now: doer.now,
            seller: wanted.seller,
            number: wanted.number.clone(),
            amount: wanted.amount,
            client_ref: wanted.client_ref.clone(),
            repeat: None,
            actor: doer.actor.clone(),
        })
        .collect();
    if connector == Name::Instant {
        let mut made = 0;
        for part in orders.chunks(STRIDE) {
            for answer in sales_create(tx, settings, part, |sale, _| sale.to_string())? {
                answer?;
            }
            made += part.len() as u64;
            progress.at(made);
        }
        return Ok(orders.len());
    }
    for (order, made) in orders.iter().zip(1..) {
        let sale = sale_reserve(tx, settings, order, connector)?;
        job_enqueue(tx, doer.now, doer.fresh_id(), &Deliver { sale: sale.id })?;
        progress.at(made);
    }
    Ok(orders.len())
}
