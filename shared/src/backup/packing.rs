//! A table's rows on their way into a file and out of it: gzip in parts that fit into memory,
//! and the sums by which a file is known to be whole.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzDecoder, GzEncoder};
use sha2::{Digest as _, Sha256};

/// Smallest size of a part, and all that is held of a file. S3 takes no smaller one but the
/// last, and 10,000 of a file: 52 GB in gzip.
pub(super) const PART: usize = 5 * 1024 * 1024;

/// Level 3 of 9 takes half the time of the usual 6, and a tenth more room.
const LEVEL: Compression = Compression::new(3);

/// Packed bytes that are unpacked at a time: at most a thousand times as many come out.
const SLICE: usize = 16 * 1024;

/// Size and SHA-256 of a file as it is stored.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

/// Adds a file up as it goes by.
pub(super) struct Adder {
    bytes: u64,
    sha256: Sha256,
}

impl Adder {
    pub(super) fn new() -> Self {
        Self {
            bytes: 0,
            sha256: Sha256::new(),
        }
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.sha256.update(bytes);
    }

    pub(super) fn sums(self) -> Sums {
        Sums {
            bytes: self.bytes,
            sha256: hex(&self.sha256.finalize()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes any text");
        text
    })
}

/// Packs rows.
pub(super) struct Packer {
    gzip: GzEncoder<Vec<u8>>,
    adder: Adder,
}

impl Packer {
    pub(super) fn new() -> Self {
        Self {
            gzip: GzEncoder::new(room(), LEVEL),
            adder: Adder::new(),
        }
    }

    /// Adds bytes to the file. Returns its next part once that is full.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Option<Bytes> {
        let written = self.gzip.write_all(bytes);
        written.expect("a Vec takes any bytes");
        if self.gzip.get_ref().len() < PART {
            return None;
        }
        let part = std::mem::replace(self.gzip.get_mut(), room());
        self.adder.add(&part);
        Some(part.into())
    }

    /// The last part, and what all of them add up to.
    pub(super) fn finish(mut self) -> (Bytes, Sums) {
        let rest = self.gzip.finish().expect("a Vec takes any bytes");
        self.adder.add(&rest);
        (rest.into(), self.adder.sums())
    }
}

/// A part, and what the encoder writes at once when it is nearly full.
fn room() -> Vec<u8> {
    Vec::with_capacity(PART + 64 * 1024)
}

/// Unpacks rows.
pub(super) struct Unpacker(GzDecoder<Vec<u8>>);

impl Unpacker {
    pub(super) fn new() -> Self {
        Self(GzDecoder::new(Vec::new()))
    }

    /// What comes of these bytes, piece by piece.
    ///
    /// # Errors
    /// Each piece is an error where the bytes are not gzip.
    pub(super) fn push(&mut self, packed: &[u8]) -> impl Iterator<Item = io::Result<Bytes>> {
        packed.chunks(SLICE).map(|slice| {
            self.0.write_all(slice)?;
            Ok(std::mem::take(self.0.get_mut()).into())
        })
    }

    /// What is left when the file is over.
    ///
    /// # Errors
    /// Where the file ends too early.
    pub(super) fn finish(self) -> io::Result<Bytes> {
        self.0.finish().map(Bytes::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(pieces: &[Vec<u8>]) -> (Vec<Bytes>, Sums) {
        let mut packer = Packer::new();
        let mut parts: Vec<Bytes> = pieces.iter().filter_map(|it| packer.push(it)).collect();
        let (rest, sums) = packer.finish();
        parts.push(rest);
        (parts, sums)
    }

    fn unpack(packed: &[u8]) -> io::Result<Vec<u8>> {
        let mut unpacker = Unpacker::new();
        let mut rows = Vec::new();
        for piece in unpacker.push(packed) {
            rows.extend_from_slice(&piece?);
        }
        rows.extend_from_slice(&unpacker.finish()?);
        Ok(rows)
    }

    /// Bytes that no packing makes smaller, the same each time.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 7_u64;
        let next = |_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()[0]
        };
        (0..length).map(next).collect()
    }

    #[test]
    fn parts_are_of_their_size_and_make_one_file_that_is_unpacked_to_what_went_in() {
        let pieces: Vec<Vec<u8>> = noise(2 * PART + PART / 2)
            .chunks(4096)
            .map(<[u8]>::to_vec)
            .collect();
        let (parts, sums) = pack(&pieces);
        assert_eq!(parts.len(), 3);
        let sizes: Vec<usize> = parts.iter().map(Bytes::len).collect();
        assert!(
            sizes[..2]
                .iter()
                .all(|size| (PART..PART + 64 * 1024).contains(size))
        );
        let file = parts.concat();
        assert_eq!(sums.bytes, file.len() as u64);
        assert_eq!(sums.sha256, hex(&Sha256::digest(&file)));
        assert!(unpack(&file).expect("gzip") == pieces.concat());
    }

    #[test]
    fn a_file_of_nothing_is_gzip_too() {
        let (parts, _) = pack(&[]);
        assert_eq!(unpack(&parts.concat()).expect("gzip"), b"");
    }

    #[test]
    fn what_is_cut_or_changed_is_no_gzip() {
        let (parts, _) = pack(&[noise(100_000)]);
        let file = parts.concat();
        assert!(unpack(&file[..file.len() - 1]).is_err());
        assert!(unpack(&file[..file.len() / 2]).is_err());
        let mut changed = file.clone();
        changed[file.len() / 2] ^= 1;
        assert!(unpack(&changed).is_err());
        assert!(unpack(b"odoo_id,name\n").is_err());
    }

    #[test]
    fn a_sum_is_written_as_everybody_writes_it() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Adder::new().sums().sha256, empty);
    }
}
