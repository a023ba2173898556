//! What can be said on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use uuid::Uuid;

/// Purser keeps other people's money, credits, coins and meals in order.
#[derive(Debug, Parser)]
#[command(version, about, after_help = AFTER, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) place: LocationArgs,
    #[command(subcommand)]
    pub(crate) command: CliCommand,
}

const AFTER: &str = "\
Settings come from defaults, then purser.toml, then the environment, then flags; `purser config` shows what holds.
Exit codes: 0 done; 1 a check found something wrong; 2 the command or a setting is wrong; 3 the machine or the
database does not play along; 4 a rule refuses it.";

/// Where everything is.
#[derive(Debug, Args)]
pub(crate) struct LocationArgs {
    /// The folder that holds everything: the embedded database, the instance key, uploads [default: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The settings file [default: purser.toml in the working folder, where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CliCommand {
    /// Run everything: the web server, the job worker and the schedules
    Serve(ServeArgs),
    /// Run the job worker and the schedules alone, beside servers that run with --no-worker
    Worker,
    /// Show or apply the database's pending migrations
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// People who sign in
    #[command(subcommand)]
    User(UserCommand),
    /// API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Jobs that were given up
    #[command(subcommand)]
    DeadLetter(DeadLetterCommand),
    /// Reward coins and their withdrawals
    #[command(subcommand)]
    Coins(CoinsCommand),
    /// Run a command of an app, as the console does: `purser run charge sellers freeze ID`
    ///
    /// Without more words it lists the apps; with an app its nouns, and with a noun what may be done.
    #[command(disable_help_flag = true)]
    Run(RunArgs),
    /// The books
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Copy the live database, the uploaded files and (sealed) the instance key into one archive
    Backup(BackupArgs),
    /// Check a backup whole, and put it in the place of what is there
    Restore(RestoreArgs),
    /// Bring a database back whose log was damaged, as far as the log can be read
    Repair(RepairArgs),
    /// Remove what has had its time: backups, texts of notices, uploads, files that nothing names
    Cleanup(CleanupArgs),
    /// Take in files
    #[command(subcommand)]
    Import(ImportCommand),
    /// Show the settings that hold, secrets masked
    Config,
    /// Check the database, the disk and the clock, and say what to do
    Doctor(DoctorArgs),
    /// Print the API's description (OpenAPI 3.1)
    Openapi,
    /// Print generated documentation
    #[command(subcommand)]
    Docs(DocsCommand),
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where to listen [default: 127.0.0.1:8080]; port 0 picks one and prints it
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Fill an empty database with believable data, and print sign-ins for it
    #[arg(long)]
    pub(crate) demo: bool,
    /// Leave jobs and schedules to `purser worker`
    #[arg(long)]
    pub(crate) no_worker: bool,
    /// Listen outside this machine without https: only behind something that adds it
    #[arg(long)]
    pub(crate) insecure_http: bool,
    /// Answer POST /api/v1/noop/ without doing anything: the benchmark's ceiling
    #[arg(long, hide = true)]
    pub(crate) with_noop: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Show what is there and what is pending
    Plan,
    /// Apply what is pending
    Apply,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create a person who signs in
    Create(UserCreateArgs),
    /// Set a person's password, and sign them out everywhere
    Password {
        /// Username or email
        login: String,
        /// Read the password from the first line of standard input
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Say what a person may do, and sign them out everywhere
    Role(UserRoleArgs),
}

#[derive(Debug, Args)]
pub(crate) struct UserRoleArgs {
    /// Username or email
    pub(crate) login: String,
    /// person, staff or superuser
    #[arg(long, value_parser = ["person", "staff", "superuser"])]
    pub(crate) kind: String,
    /// A role such as charge.operate, members.view or auditor; may be repeated [default: none]
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLetterCommand {
    /// List them, newest first, with why each was given up
    List {
        /// Print what a script would parse
        #[arg(long)]
        json: bool,
    },
    /// Try them again from the beginning
    Requeue {
        /// Which
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        ids: Vec<Uuid>,
        /// All of them
        #[arg(long)]
        all: bool,
    },
    /// Remove one for good: its job is never done
    Discard {
        /// Which
        id: Uuid,
    },
}

#[derive(Debug, Args)]
pub(crate) struct UserCreateArgs {
    #[arg(long)]
    pub(crate) username: String,
    #[arg(long)]
    pub(crate) email: String,
    /// May do everything
    #[arg(long)]
    pub(crate) superuser: bool,
    /// Works in the console
    #[arg(long)]
    pub(crate) staff: bool,
    /// Read the password from the first line of standard input
    #[arg(long, required = true)]
    pub(crate) password_stdin: bool,
    /// Print what a script would parse
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Create a key and print it, once
    Create(KeyCreateArgs),
    /// List keys, newest first
    List {
        /// Print what a script would parse
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key for good
    Revoke {
        /// The key's id
        id: Uuid,
    },
}

#[derive(Debug, Args)]
pub(crate) struct KeyCreateArgs {
    /// What the key is for, 1 to 100 characters
    pub(crate) label: String,
    /// What it may do: charge.sell, charge.*, or * for everything; more than once for more
    #[arg(long = "scope", required = true, value_name = "SCOPE")]
    pub(crate) scopes: Vec<String>,
    /// Tie it to one seller of the charge app
    #[arg(long, value_name = "ID")]
    pub(crate) seller: Option<Uuid>,
    /// Tie it to one user of the coins app, by the application's name for them
    #[arg(long, value_name = "USER_ID", conflicts_with = "seller")]
    pub(crate) coins_user: Option<String>,
    /// Let it expire after so many days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) expires: Option<u32>,
    /// Print what a script would parse
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// APP NOUN VERB, the ids of what it is done to, and its fields as flags; --dry-run says what would happen
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "APP NOUN VERB")]
    pub(crate) words: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CoinsCommand {
    /// Give a user coins, once for each reference
    Award(CoinsAwardArgs),
    /// Show how many coins a user has
    Balance {
        /// What the application calls the user
        user_id: String,
        /// Print what a script would parse
        #[arg(long)]
        json: bool,
    },
    /// List withdrawals, newest first
    Withdrawals(CoinsWithdrawalsArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CoinsAwardArgs {
    /// What the application calls the user
    pub(crate) user_id: String,
    /// How many coins, a whole number
    pub(crate) amount: String,
    /// Why, for the user and for whoever reads it in a year
    #[arg(long)]
    pub(crate) reason: String,
    /// Your own word for it: it happens once for each
    #[arg(long)]
    pub(crate) reference: String,
    /// Print what a script would parse
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CoinsWithdrawalsArgs {
    /// Only those that are pending, processing, completed, failed, cancelled, rejected or reversed
    #[arg(long)]
    pub(crate) status: Option<String>,
    /// Only those of this user
    #[arg(long, value_name = "USER_ID")]
    pub(crate) user: Option<String>,
    /// So many at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
    /// Print what a script would parse
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Recompute every balance from the transfers, and check that every currency sums to zero
    Verify {
        /// Print what a script would parse
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Register members from a CSV file: every row, or none
    Members(ImportMembersArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ImportMembersArgs {
    /// CSV in UTF-8 with the columns name, email and wallet_balance, in any order
    pub(crate) file: PathBuf,
    /// Check the file and save nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print what a script would parse
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The folder to put it in [default: backups in the data folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Seal it with the passphrase in this file [default: PURSER_BACKUP_PASSPHRASE, or the settings']
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Print what a script would parse
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup
    pub(crate) file: PathBuf,
    /// The file with its passphrase [default: PURSER_BACKUP_PASSPHRASE, or the settings']
    #[arg(long, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Replace a database that holds something; what it held is kept aside
    #[arg(long)]
    pub(crate) yes: bool,
    /// Check it from its first byte to its last, and change nothing
    #[arg(long)]
    pub(crate) check: bool,
    /// Print what a script would parse
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RepairArgs {
    /// Do it; without this it only says what is damaged and what would be lost
    #[arg(long)]
    pub(crate) yes: bool,
    /// Print what a script would parse
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CleanupArgs {
    /// Only say what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print what a script would parse
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DocsCommand {
    /// The API's error codes, as Markdown
    Errors,
}
