//! Calls one family of preview1 functions again and again, and times each pass by the guest's own clock.
//!
//!     file-system.wasm CASE COUNT PASSES DIRECTORY
//!
//! DIRECTORY is what `bench/questions/file-system.mjs` prepared. Standard output says what came out and nothing of time, so
//! that it is the same on every host (but for the cases that are about standard output); standard error gets one line
//! `pass_ns N N N …`. What fails ends the guest with 101.
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::mem::ManuallyDrop;
use std::os::wasi::io::{AsRawFd, FromRawFd};
use std::time::Instant;

#[link(wasm_import_module = "wasi_snapshot_preview1")]
extern "C" {
    fn random_get(buffer: *mut u8, byte_length: usize) -> i32;
    fn fd_readdir(fd: i32, buffer: *mut u8, byte_length: usize, cookie: u64, used: *mut usize) -> i32;
}

const MOST_SMALL: usize = 64;
const LARGE_WRITE: usize = 64 * 1024;

/// 1, 2, … 64, 1, …
fn small_length(index: usize) -> usize {
    index % MOST_SMALL + 1
}

/// Without the buffer that Rust puts before standard streams.
fn unbuffered(fd: i32) -> ManuallyDrop<File> {
    ManuallyDrop::new(unsafe { File::from_raw_fd(fd) })
}

/// What the large file, and standard input, hold again and again.
const CONTENT: &[u8] = b"large";

/// A read may be short: of a pipe that is being filled, it is now and then.
fn small_reads(mut file: impl Read, from: usize, count: usize) -> usize {
    let mut buffer = [0u8; MOST_SMALL];
    let mut position = from;
    for index in 0..count {
        let length = file.read(&mut buffer[..small_length(index)]).unwrap();
        assert!(length > 0 && buffer[0] == CONTENT[position % CONTENT.len()]);
        position += length;
    }
    position
}

fn small_writes(mut file: impl Write, count: usize) -> u64 {
    let buffer = [b'.'; MOST_SMALL];
    (0..count).map(|index| file.write(&buffer[..small_length(index)]).unwrap() as u64).sum()
}

fn large_writes(mut file: impl Write, count: usize) -> u64 {
    let buffer = vec![b'.'; LARGE_WRITE];
    (0..count).for_each(|_| file.write_all(&buffer).unwrap());
    count as u64
}

/// The status of `many/0`, `many/1`, …
fn stats(directory: &str, count: usize) -> u64 {
    (0..count).map(|index| fs::metadata(format!("{directory}/many/{index}")).unwrap().len()).sum()
}

fn opens(path: &str, count: usize) -> u64 {
    (0..count).map(|_| File::open(path).map(|_| 1).unwrap()).sum()
}

fn creates(directory: &str, count: usize) -> u64 {
    for index in 0..count {
        let path = format!("{directory}/scratch/{index}");
        File::create(&path).unwrap();
        fs::remove_file(&path).unwrap();
    }
    count as u64
}

fn renames(directory: &str, count: usize) -> u64 {
    let names = [format!("{directory}/scratch/there"), format!("{directory}/scratch/back")];
    File::create(&names[0]).unwrap();
    for index in 0..count {
        fs::rename(&names[index % 2], &names[(index + 1) % 2]).unwrap();
    }
    fs::remove_file(&names[count % 2]).unwrap();
    count as u64
}

/// How many entries, read as C's library does it. Rust's own begins with 128 bytes a call.
fn list(path: &str) -> u64 {
    const HEAD_BYTES: usize = 24;
    let directory = File::open(path).unwrap();
    let mut buffer = [0u8; 4096];
    let (mut cookie, mut entries, mut used) = (0, 0, buffer.len());
    while used == buffer.len() {
        assert_eq!(unsafe { fd_readdir(directory.as_raw_fd(), buffer.as_mut_ptr(), buffer.len(), cookie, &mut used) }, 0);
        let mut at = 0;
        while at + HEAD_BYTES <= used {
            let name_length = u32::from_le_bytes(buffer[at + 16..at + 20].try_into().unwrap()) as usize;
            let next = at + HEAD_BYTES + name_length;
            if next > used {
                break;
            }
            cookie = u64::from_le_bytes(buffer[at..at + 8].try_into().unwrap());
            entries += 1;
            at = next;
        }
    }
    entries
}

fn clock_reads(count: usize) -> u64 {
    let start = Instant::now();
    let mut last = start;
    for _ in 0..count {
        let now = Instant::now();
        assert!(now >= last);
        last = now;
    }
    count as u64
}

fn random_reads(count: usize) -> u64 {
    let mut buffer = [0u8; 16];
    for _ in 0..count {
        assert_eq!(unsafe { random_get(buffer.as_mut_ptr(), buffer.len()) }, 0);
    }
    count as u64
}

fn pass(case: &str, count: usize, directory: &str, stdin_position: &mut usize) -> u64 {
    match case {
        "large-read" => {
            (0..count).map(|_| fs::read(format!("{directory}/large")).unwrap()).map(|bytes| bytes.len() as u64).sum()
        }
        "file-reads" => {
            let mut file = File::open(format!("{directory}/large")).unwrap();
            file.seek(SeekFrom::Start(1)).unwrap();
            small_reads(file, 1, count) as u64
        }
        "file-seeks" => {
            let mut file = File::open(format!("{directory}/large")).unwrap();
            (0..count).map(|index| file.seek(SeekFrom::Start((index * 64) as u64)).unwrap()).sum()
        }
        "file-writes" => small_writes(File::create(format!("{directory}/scratch/written")).unwrap(), count),
        "stdin-reads" => {
            *stdin_position = small_reads(&*unbuffered(0), *stdin_position, count);
            count as u64
        }
        "stdout-writes" => small_writes(&*unbuffered(1), count),
        "stdout-large-writes" => large_writes(&*unbuffered(1), count),
        "listing" => (0..count).map(|_| list(&format!("{directory}/many"))).sum(),
        "path-stats" => stats(directory, count),
        "descriptor-stats" => {
            let file = File::open(format!("{directory}/large")).unwrap();
            (0..count).map(|_| file.metadata().unwrap().len()).sum()
        }
        "opens" => opens(&format!("{directory}/large"), count),
        "nested-opens" => opens(&format!("{directory}/a/b/c/d/file"), count),
        "creates" => creates(directory, count),
        "renames" => renames(directory, count),
        "clock" => clock_reads(count),
        "random" => random_reads(count),
        _ => panic!("no case {case}"),
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let (case, count, passes, directory) = match &args[..] {
        [_, case, count, passes, directory] => (case, count, passes, directory),
        _ => panic!("wants CASE COUNT PASSES DIRECTORY"),
    };
    let count = count.parse().unwrap();
    let mut sum = 0;
    let mut stdin_position = 0;
    let mut times = String::from("pass_ns");
    for _ in 0..passes.parse().unwrap() {
        let start = Instant::now();
        sum += pass(case, count, directory, &mut stdin_position);
        times += &format!(" {}", start.elapsed().as_nanos());
    }
    if !case.starts_with("stdout") {
        println!("{case} {sum}");
    }
    eprintln!("{times}");
}
