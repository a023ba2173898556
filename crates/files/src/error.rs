//! Why an upload is refused, and what else can go wrong.

use std::io;

/// Why an upload is not taken: a sentence for whoever sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UploadRefusal {
    /// There is nothing in it.
    #[error("The file is empty. Choose another.")]
    Empty,
    /// It has too many bytes.
    #[error("The file has {} KB, and may have at most {} KB.", .bytes / 1_024, .limit / 1_024)]
    TooLarge {
        /// How many it has.
        bytes: usize,
        /// How many it may have.
        limit: usize,
    },
    /// It is nothing that is taken here, whatever its name says.
    #[error("The file is not {wanted}. What it is called does not matter; what is in it does.")]
    Type {
        /// What it may be.
        wanted: &'static str,
    },
    /// It has too many pixels.
    #[error("The picture has {width} × {height} pixels, and may have at most {limit} in all, and {longest} on a side.")]
    Pixels {
        /// Across.
        width: u32,
        /// Down.
        height: u32,
        /// How many it may have.
        limit: u64,
        /// How many each side may have.
        longest: u32,
    },
    /// It takes too much memory.
    #[error("The picture takes {} MB when it is unpacked, and may take at most {} MB. Save it with fewer colors.",
        .bytes.div_ceil(1 << 20), .limit >> 20)]
    Deep {
        /// Bytes of its pixels.
        bytes: u64,
        /// How many it may have.
        limit: u64,
    },
    /// It takes too much work.
    #[error("The picture is drawn in {scans} passes, and may have at most {limit}. Save it again, and send that.")]
    Scans {
        /// How often its pixels are drawn over.
        scans: usize,
        /// How often they may be.
        limit: usize,
    },
    /// It ends too early, or contradicts itself.
    #[error("The file is damaged or incomplete. Save it again, and send that.")]
    Damaged,
}

/// What can go wrong with files besides.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The upload is not taken.
    #[error("{0}")]
    Refused(#[from] UploadRefusal),
    /// The database's.
    #[error("{0}")]
    Store(#[from] purser_store::Error),
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// What is kept is not what was saved.
    #[error("the file {0} is not as it was saved")]
    Changed(String),
    /// The disk does not play along.
    #[error("the file {name} cannot be kept or read: {cause}")]
    Disk {
        /// Its name in the store.
        name: String,
        /// What the system says.
        cause: io::Error,
    },
    /// Others are under way, and enough wait.
    #[error("too many files are being checked")]
    Busy,
    /// The work on it was cut short.
    #[error("the work on a file was cut short")]
    Stopped,
}
