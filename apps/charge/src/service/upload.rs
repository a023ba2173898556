//! Sales from a file: everything is checked before anything is sold, and then all of it is sold or nothing.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use purser_kit::actor_name;
use purser_kit::console::{Progress, RequestContext};
use purser_ledger::Book;
use purser_money::Money;
use purser_store::{ReadTx, WriteTx};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::connector::ConnectorName;
use crate::domain::{PhoneNumber, Settings};
use crate::error::Error;
use crate::sale::batch::SaleOrder;
use crate::sale::facts::{facts_load, running_begin};
use crate::sale::rule::{RemainingCredit, SaleFacts, SaleRequest, objections, quote};
use crate::sale::sell::sell_all;
use crate::sale_file::{NamedSeller, SaleFileRow};
use crate::store;
use crate::store::file::{EarlierSale, Fingerprint, SaleFileRecord, file_find, file_insert, rows_find, rows_purge};

/// How long a single row is remembered; a file as a whole is for good.
const ROW_REMEMBERED: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Rows forgotten with each file that is sold, at most.
const FORGOTTEN: u32 = 10_000;

/// A file's rows, checked against what the database knows now.
#[derive(Debug, Clone)]
pub(crate) struct CheckedSaleFile {
    pub(crate) rows: Vec<CheckedRow>,
    /// What sellers pay for the good rows.
    pub(crate) total: Money,
    /// Whose sales they are.
    pub(crate) sellers: usize,
    /// Why it takes a second yes, where it does: a sentence.
    pub(crate) second_yes: Option<String>,
}

/// A row, and what is wrong with it.
#[derive(Debug, Clone)]
pub(crate) struct CheckedRow {
    pub(crate) line: u64,
    pub(crate) cells: Vec<String>,
    pub(crate) errors: Vec<String>,
    /// What does not stop it, and takes a second yes.
    pub(crate) warnings: Vec<String>,
    /// What it would sell, where nothing is wrong.
    sale: Option<FileSale>,
}

#[derive(Debug, Clone)]
struct FileSale {
    seller: Uuid,
    number: PhoneNumber,
    amount: Money,
    /// What the seller pays for it.
    price: Money,
    client_ref: Option<String>,
}

impl FileSale {
    /// The fingerprint of what the row says, however it is written.
    fn fingerprint(&self) -> Fingerprint {
        self.hash(0, self.client_ref.as_deref().unwrap_or_default())
    }

    /// The other fingerprint that a sold row is remembered by: of any row that says the same under a client_ref.
    fn referenced(&self) -> Option<Fingerprint> {
        self.client_ref.as_ref().map(|_| self.hash(1, ""))
    }

    /// By what rows that were sold say the same. Where one of the two has no client_ref, it may be the other once more; two
    /// that both have one are told apart by it.
    fn alike(&self) -> [Fingerprint; 2] {
        [self.fingerprint(), if self.client_ref.is_none() { self.hash(1, "") } else { self.hash(0, "") }]
    }

    fn hash(&self, kind: u8, client_ref: &str) -> Fingerprint {
        let mut hash = Sha256::new();
        hash.update(self.seller.as_bytes());
        hash.update(self.amount.minor().to_be_bytes());
        hash.update(self.number.as_str());
        hash.update([kind]);
        hash.update(client_ref);
        hash.finalize().into()
    }
}

/// The fingerprint of a seller's rows, in whatever order.
fn of_all(mut rows: Vec<Fingerprint>) -> Fingerprint {
    rows.sort_unstable();
    let mut hash = Sha256::new();
    rows.iter().for_each(|row| hash.update(row));
    hash.finalize().into()
}

impl CheckedSaleFile {
    pub(crate) fn good(&self) -> usize {
        self.rows.iter().filter(|row| row.errors.is_empty()).count()
    }

    pub(crate) fn bad(&self) -> usize {
        self.rows.len() - self.good()
    }

    fn sales(&self) -> impl Iterator<Item = &FileSale> {
        self.rows.iter().filter_map(|row| row.sale.as_ref())
    }

    /// Each seller's rows by their fingerprints, in a fixed order of sellers.
    fn parts(&self) -> Vec<(Uuid, Vec<Fingerprint>)> {
        let mut parts: HashMap<Uuid, Vec<Fingerprint>> = HashMap::new();
        for wanted in self.sales() {
            parts.entry(wanted.seller).or_default().push(wanted.fingerprint());
        }
        let mut parts: Vec<_> = parts.into_iter().collect();
        parts.sort_unstable();
        parts
    }
}

/// Checks rows by the rules of sales, one after another, as if those before were sold. `only` is the one seller whose
/// sales they may be, and are where they do not say. Says too what was sold from files before, as of `now`.
pub(crate) fn sale_file_check(
    tx: &mut ReadTx<'_>,
    now: Timestamp,
    settings: &Settings,
    rows: Vec<SaleFileRow>,
    only: Option<Uuid>,
) -> Result<CheckedSaleFile, Error> {
    let known = FileFacts::load(tx, settings, &rows, only)?;
    let book = Book::open(tx, known.facts.sellers.values().map(|seller| seller.account))?;
    let running = running_begin(&known.facts, &book)?;
    let mut checking = RowChecker { known, running };
    let checked: Vec<CheckedRow> = rows.into_iter().map(|row| checking.row(row, only)).collect();
    let mut file =
        CheckedSaleFile { rows: checked, total: Money::zero(settings.currency), sellers: 0, second_yes: None };
    let mut total = file.total;
    for wanted in file.sales() {
        total = total.checked_add(wanted.price).ok_or(Error::BadFile("its total is too large".to_owned()))?;
    }
    file.total = total;
    file.sellers = file.sales().map(|wanted| wanted.seller).collect::<HashSet<_>>().len();
    warn_of_equal(&mut file);
    warn_of_sold(tx, now, &mut file)?;
    Ok(file)
}

/// Says of each row that says the same as another which that is.
fn warn_of_equal(file: &mut CheckedSaleFile) {
    let mut lines: HashMap<Fingerprint, Vec<u64>> = HashMap::new();
    for row in &file.rows {
        if let Some(wanted) = &row.sale {
            lines.entry(wanted.fingerprint()).or_default().push(row.line);
        }
    }
    let mut equal = 0;
    for row in &mut file.rows {
        let Some(lines) = row.sale.as_ref().and_then(|wanted| lines.get(&wanted.fingerprint())) else { continue };
        let others: Vec<String> = lines.iter().filter(|line| **line != row.line).map(u64::to_string).take(5).collect();
        if !others.is_empty() {
            row.warnings.push(format!("The row says the same as row {}.", others.join(", ")));
            equal += 1;
        }
    }
    if equal > 0 {
        file.second_yes = Some(format!("{equal} rows are in the file more than once. Each would be sold."));
    }
}

/// Says what was sold from files before: the file as a whole, whenever that was, or rows of it lately.
fn warn_of_sold(tx: &mut ReadTx<'_>, now: Timestamp, file: &mut CheckedSaleFile) -> Result<(), Error> {
    let mut said: Vec<String> = file.second_yes.take().into_iter().collect();
    for (_, rows) in file.parts() {
        if let Some(then) = file_find(tx, &of_all(rows))? {
            said.push(format!("A file with these same sales was sold {}.", earlier_sale_text(tx, &then)?));
        }
    }
    let since = now.saturating_sub(ROW_REMEMBERED).unwrap_or(Timestamp::MIN);
    let asked: HashSet<Fingerprint> = file.sales().flat_map(FileSale::alike).collect();
    let found = rows_find(tx, &asked.into_iter().collect::<Vec<_>>(), since)?;
    let mut newest: HashMap<Vec<u8>, EarlierSale> = HashMap::new();
    for (row, then) in found {
        let known = newest.entry(row).or_insert_with(|| then.clone());
        if known.at < then.at {
            *known = then;
        }
    }
    let mut sold = 0;
    for row in &mut file.rows {
        let alike = row.sale.as_ref().map(FileSale::alike).into_iter().flatten();
        let Some(then) = alike.filter_map(|one| newest.get(one.as_slice())).max_by_key(|then| then.at) else {
            continue;
        };
        row.warnings.push(format!("The same was sold from a file {}.", earlier_sale_text(tx, then)?));
        sold += 1;
    }
    if sold > 0 && said.is_empty() {
        let rows = if sold == 1 { "1 row was".to_owned() } else { format!("{sold} rows were") };
        said.push(format!("{rows} sold from another file before."));
    }
    file.second_yes = (!said.is_empty()).then(|| said.join(" "));
    Ok(())
}

fn earlier_sale_text(tx: &mut ReadTx<'_>, then: &EarlierSale) -> Result<String, Error> {
    Ok(format!("on {} by {}", then.at.strftime("%d %b %Y %H:%M UTC"), actor_name(tx, &then.actor)?))
}

/// What the database knows of the rows.
struct FileFacts {
    facts: SaleFacts,
    names: HashMap<String, Vec<Uuid>>,
}

impl FileFacts {
    fn load(tx: &mut ReadTx<'_>, settings: &Settings, rows: &[SaleFileRow], only: Option<Uuid>) -> Result<Self, Error> {
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
        let ids: Vec<Uuid> = ids.chain(names.values().flatten().copied()).chain(only).collect();
        let refs = rows.iter().filter_map(|row| {
            let seller = match (&row.seller, only) {
                (Some(NamedSeller::Id(id)), _) => *id,
                (Some(NamedSeller::Name(name)), _) => *names.get(name)?.first()?,
                (Some(NamedSeller::Unsaid), only) => only?,
                (None, _) => return None,
            };
            Some((seller, row.client_ref.as_deref()?))
        });
        let (refs, numbers) = (refs.collect(), rows.iter().filter_map(|row| row.number.as_ref()).collect());
        let facts = facts_load(tx, settings, ids, numbers, refs)?;
        Ok(FileFacts { facts, names })
    }

    /// The seller of a row; `None` where the row says nothing that can be read.
    fn seller(&self, row: &SaleFileRow, only: Option<Uuid>) -> Result<Option<Uuid>, String> {
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
        match only.is_none_or(|only| only == found) && self.facts.sellers.contains_key(&found) {
            true => Ok(Some(found)),
            false => Err(Error::NoSeller.to_string()),
        }
    }
}

/// The check, as far as it has come.
struct RowChecker {
    known: FileFacts,
    running: RemainingCredit,
}

impl RowChecker {
    fn row(&mut self, row: SaleFileRow, only: Option<Uuid>) -> CheckedRow {
        let mut errors = row.errors.clone();
        let seller = self.known.seller(&row, only).unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        let wanted = match (seller, row.number.clone(), row.amount) {
            (Some(seller), Some(number), Some(amount)) if errors.is_empty() => {
                self.quoted(&mut errors, seller, number, amount, row.client_ref.as_deref())
            }
            // What can be read of a wrong row is checked all the same, so that its mistakes are told at once.
            (Some(seller), number, _) => {
                let facts = &self.known.facts;
                let against = objections(facts, &self.running, seller, number.as_ref(), row.client_ref.as_deref());
                errors.extend(against.iter().filter(|one| !matches!(one, Error::RefAbove(_))).map(ToString::to_string));
                None
            }
            _ => None,
        };
        CheckedRow { line: row.line, cells: row.cells, errors, warnings: Vec::new(), sale: wanted }
    }

    fn quoted(
        &mut self,
        errors: &mut Vec<String>,
        seller: Uuid,
        number: PhoneNumber,
        amount: Money,
        client_ref: Option<&str>,
    ) -> Option<FileSale> {
        let request = SaleRequest { seller, number: &number, amount, client_ref };
        match quote(&self.known.facts, &self.running, &request) {
            Ok(quote) => {
                self.running.take(&request, &quote, None);
                let (price, client_ref) = (quote.priced.price, client_ref.map(str::to_owned));
                Some(FileSale { seller, number, amount, price, client_ref })
            }
            Err(against) => {
                errors.extend(against.iter().map(in_a_row));
                None
            }
        }
    }
}

/// A refusal, as a row of a file tells it.
fn in_a_row(refusal: &Error) -> String {
    match refusal {
        Error::InsufficientCredit { available, .. } => {
            format!("The credit of {} that the rows above leave does not cover it.", available.for_people())
        }
        other => other.to_string(),
    }
}

/// Who sells a file, when, and with what.
pub(crate) struct FileSaleContext<'s> {
    pub(crate) settings: &'s Settings,
    pub(crate) connector: ConnectorName,
    pub(crate) cx: &'s mut RequestContext,
    /// What the audit log says was sold from.
    pub(crate) subject: String,
    /// Whether somebody says that what was sold before, or is there twice, is to be sold.
    pub(crate) again: bool,
    /// Hears how many sales are made so far; they stand only when the command is done.
    pub(crate) progress: &'s Progress,
}

/// Sells all of a checked file; how many sales that is. Where there is an operator behind them, they are delivered by
/// the workers.
///
/// # Errors
/// [`Error::BadRows`] where a row is not good, [`Error::SoldBefore`] where it takes a second yes: then nothing is sold.
pub(crate) fn sale_file_sell(
    tx: &mut WriteTx<'_>,
    file: &CheckedSaleFile,
    selling: FileSaleContext<'_>,
) -> Result<usize, Error> {
    if file.bad() > 0 {
        return Err(Error::BadRows(file.bad()));
    }
    let FileSaleContext { settings, connector, cx, subject, again, progress } = selling;
    if let Some(why) = file.second_yes.as_ref().filter(|_| !again) {
        return Err(Error::SoldBefore(why.clone()));
    }
    let mut entered = serde_json::json!({ "sales": file.good(), "total": file.total.to_string() });
    if file.second_yes.is_some() {
        entered["again"] = true.into();
    }
    cx.record(tx, "charge.sales.import", &subject, &serde_json::json!({ "entered": entered }))?;
    remember(tx, file, cx)?;
    let orders: Vec<SaleOrder> = file
        .sales()
        .map(|wanted| SaleOrder {
            id: cx.new_id(),
            phone_id: cx.new_id(),
            now: cx.now,
            seller: wanted.seller,
            number: wanted.number.clone(),
            amount: wanted.amount,
            client_ref: wanted.client_ref.clone(),
            idempotency: None,
            actor: cx.actor.clone(),
        })
        .collect();
    sell_all(tx, settings, connector, &orders, || cx.new_id(), |sold| progress.at(sold))?;
    Ok(orders.len())
}

/// Remembers what is sold, for the next file.
fn remember(tx: &mut WriteTx<'_>, sheet: &CheckedSaleFile, cx: &mut RequestContext) -> Result<(), Error> {
    rows_purge(tx, cx.now.saturating_sub(ROW_REMEMBERED).unwrap_or(Timestamp::MIN), FORGOTTEN)?;
    for (seller, mut rows) in sheet.parts() {
        let (fingerprint, sales) = (of_all(rows.clone()), i64::try_from(rows.len()).unwrap_or(i64::MAX));
        rows.extend(sheet.sales().filter(|wanted| wanted.seller == seller).filter_map(FileSale::referenced));
        rows.sort_unstable();
        rows.dedup();
        let file = SaleFileRecord { id: cx.new_id(), seller, fingerprint, rows };
        file_insert(tx, &file, sales, &cx.actor, cx.now)?;
    }
    Ok(())
}
