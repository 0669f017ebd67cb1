// Prints what std sees of the host: nothing that differs between runs.
use std::collections::*;
use std::env;
use std::fs::*;
use std::io::*;
use std::path::*;
use std::time::*;
fn show<T: std::fmt::Debug>(w: &str, r: Result<T>) {
    match r {
        Ok(v) => println!("{} ok {:?}", w, v),
        Err(e) => println!("{} {:?} {:?} {}", w, e.kind(), e.raw_os_error(), e),
    }
}
fn rec(n: u64) -> u64 {
    let a = [n; 4];
    if n == 0 {
        0
    } else {
        rec(n - 1) + a[(n as usize) % 4] - n + 1
    }
}
fn main() {
    let args: Vec<_> = env::args().collect();
    println!("{:?}", args);
    let mut v: Vec<_> = env::vars().collect();
    v.sort();
    println!("{:?}", v);
    println!("{:?} {:?}", env::current_dir(), env::var("A"));
    show("chdir", env::set_current_dir("/data"));
    show("exe", env::current_exe());
    show("mkdirs", create_dir_all("r/s/t"));
    show("mkdir", create_dir("r"));
    show("mkdir2", create_dir("q/w"));
    show("write", write("r/f", vec![b'x'; 5000]));
    show("copy", std::fs::copy("r/f", "r/g"));
    show("rename", rename("r/g", "r/h"));
    show("rename2", rename("r/none", "r/h"));
    let mut f = OpenOptions::new().read(true).write(true).open("r/f").unwrap();
    show("seek", f.seek(SeekFrom::End(-10)));
    let mut b = [0u8; 20];
    show("read", f.read(&mut b));
    show("seek-", f.seek(SeekFrom::Current(-99999)));
    show("setlen", f.set_len(7));
    show("sync", f.sync_all());
    show("sync", f.sync_data());
    show("pos", f.stream_position());
    let m = f.metadata().unwrap();
    println!("{} {} {:?}", m.len(), m.is_file(), m.modified().is_ok());
    show(
        "vectored",
        f.write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")]),
    );
    show(
        "excl",
        OpenOptions::new().write(true).create_new(true).open("r/f").map(|_| ()),
    );
    show("open", File::open("r/none").map(|_| ()));
    show("open dir rw", OpenOptions::new().write(true).open("r").map(|_| ()));
    show("read dir", read("r"));
    let mut a = OpenOptions::new().append(true).open("r/f").unwrap();
    show("append", a.write(b"zz"));
    show("read append", a.read(&mut b));
    show("symlink", {
        #[allow(deprecated)]
        soft_link("f", "r/l")
    });
    show("readlink", read_link("r/l"));
    show(
        "lstat",
        symlink_metadata("r/l").map(|m| (m.len(), m.file_type().is_symlink())),
    );
    show("link", hard_link("r/f", "r/k"));
    show("canon", canonicalize("r/l"));
    show("rmdir", remove_dir("r"));
    show("rm", remove_file("r"));
    show("rmdir2", remove_dir("r/f"));
    show("perm", metadata("r/f").map(|m| m.permissions().readonly()));
    show("outside", std::fs::read_to_string("../../etc/passwd"));
    show("abs", std::fs::read_to_string("/etc/passwd"));
    show("nul", read("a\0b"));
    show("empty", metadata("").map(|m| m.is_dir()));
    show("long", metadata("n".repeat(300)));
    let mut names: Vec<_> = read_dir("r")
        .unwrap()
        .map(|e| {
            let e = e.unwrap();
            (
                e.file_name(),
                e.file_type().unwrap().is_dir(),
                e.metadata().unwrap().is_file(),
            )
        })
        .collect();
    names.sort();
    println!("{:?}", names);
    show("read_dir", read_dir("r/f").map(|_| ()));
    show("remove", remove_file("r/f"));
    println!("{}", Path::new("r").exists());
    let t = Instant::now();
    std::thread::sleep(Duration::from_millis(3));
    println!(
        "{} {}",
        t.elapsed() >= Duration::from_millis(3),
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() > 1600000000
    );
    show("thread", std::thread::Builder::new().spawn(|| 1).map(|_| ()));
    show("process", std::process::Command::new("ls").spawn().map(|_| ()));
    show("tcp", std::net::TcpStream::connect("127.0.0.1:1").map(|_| ()));
    show("udp", std::net::UdpSocket::bind("127.0.0.1:0").map(|_| ()));
    let h: HashMap<_, _> = (0..1000).map(|i| (i, i * i)).collect();
    println!("{}", h.values().sum::<i32>());
    println!("{}", stdin().lock().lines().map(|l| l.unwrap().len()).sum::<usize>());
    eprintln!("to stderr");
    println!("{}", rec(2000));
    print!("no newline");
    match args.get(1).map(|s| s.as_str()) {
        Some("panic") => panic!("the panic"),
        Some("abort") => std::process::abort(),
        Some("overflow") => println!("{}", rec(1 << 40)),
        Some("oom") => {
            let mut v: Vec<Vec<u8>> = vec![];
            loop {
                v.push(vec![1; 256 << 20])
            }
        }
        Some("unwrap") => {
            None::<i32>.unwrap();
        }
        Some("index") => {
            let v = vec![1];
            println!("{}", v[args.len() + 5])
        }
        Some(n) => std::process::exit(n.parse().unwrap()),
        None => {}
    }
}
