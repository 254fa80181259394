//! Writers that are killed at any moment, libsess alone and with real PHP in between: the next one who
//! opens a session here finds it whole.

use crate::kit::{Client, Dir, Php};
use crate::layout::Journal;
use crate::mount::Mounted;
use crate::soak::{self, Random};
use std::path::Path;
use std::time::Duration;

const IDS: [&str; 4] = ["storm-a", "storm-b", "storm-c", "storm-d"];
const LONGEST: usize = 1 << 20;
const WRITERS: usize = 2;

/// From 200 bytes to a mebibyte.
fn length(random: &mut Random) -> usize {
    let long = LONGEST as u64 - 300;
    let most = [300, 5000, 20_000, 70_000, 200_000, long, long, long];
    let most = most[random.below(8) as usize];
    200 + random.below(most) as usize
}

/// Payloads that PHP can read, each a piece of one long text.
struct Texts(Vec<u8>);

impl Texts {
    fn new() -> Texts {
        let mut random = Random(7);
        let letters = (0..LONGEST + 1000).map(|_| b'a' + random.below(26) as u8);
        Texts(letters.collect())
    }

    fn payload(&self, seed: usize, len: usize) -> Vec<u8> {
        let mut payload = format!("n|i:{seed};p|s:{len}:\"").into_bytes();
        payload.extend_from_slice(&self.0[seed % 1000..][..len]);
        payload.extend_from_slice(b"\";");
        payload
    }

    /// Whether it is the payload of some seed and length, whole.
    fn knows(&self, payload: &[u8]) -> bool {
        let head = String::from_utf8_lossy(&payload[..payload.len().min(40)]).into_owned();
        let mut numbers = head
            .split(|character: char| !character.is_ascii_digit())
            .filter_map(|number| number.parse::<usize>().ok());
        let (Some(seed), Some(len)) = (numbers.next(), numbers.next()) else {
            return false;
        };
        len <= LONGEST && *payload == *self.payload(seed, len)
    }
}

/// A child that writes until it dies; it ends with 7 if it finds a session that is not whole.
fn writer(dir: &Dir, texts: &Texts, seed: u64, with_php: bool) -> i32 {
    // SAFETY: the child only runs sessions until it is killed; glibc keeps malloc usable after a fork.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child != 0 {
        return child;
    }
    let mut random = Random(seed);
    let written = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut client = Client::php(dir.text());
        loop {
            let id = IDS[random.below(4) as usize];
            let found = client.start(id).unwrap();
            // PHP destroys what it finds torn.
            assert!(
                (with_php && found.is_empty()) || texts.knows(&found),
                "{id}: {} bytes",
                found.len()
            );
            let payload = texts.payload(random.below(1 << 30) as usize, length(&mut random));
            client.write(id, &payload).unwrap();
            client.close();
        }
    }));
    // SAFETY: ends this process at once.
    unsafe { libc::_exit(if written.is_err() { 7 } else { 0 }) };
}

fn kill(child: i32) {
    let mut status = 0;
    // SAFETY: the child is ours, and `status` is writable.
    unsafe {
        libc::kill(child, libc::SIGKILL);
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
    }
    assert!(
        libc::WIFSIGNALED(status),
        "a writer found a torn session: {status}"
    );
}

/// What a storm has shown.
#[derive(Debug, Default)]
struct Tally {
    kills: u32,
    /// Sessions that were not whole when their writer had died.
    torn: u32,
    /// Sessions that PHP wrote, and those it found torn before libsess did.
    php: u32,
    php_found_torn: u32,
}

fn storm(base: &Path, kills: u32, with_php: bool, seed: u64) -> Tally {
    let name = format!("libsess-storm-{}-{with_php}", std::process::id());
    let dir = Dir::at(base.join(name));
    let texts = Texts::new();
    let mut php = with_php.then(|| Php::new(dir.text()));
    let mut random = Random(seed);
    let mut client = Client::php(dir.text());
    for id in IDS {
        client.start(id).unwrap();
        client.write(id, &texts.payload(1, 6000)).unwrap();
        client.close();
    }
    let mut tally = Tally::default();
    let mut writers = Vec::new();
    while tally.kills < kills {
        while writers.len() < WRITERS {
            writers.push(writer(&dir, &texts, random.below(1 << 40), with_php));
        }
        std::thread::sleep(Duration::from_micros(300 + random.below(6000)));
        kill(writers.swap_remove(random.below(WRITERS as u64) as usize));
        tally.kills += 1;
        if random.below(3) > 0 {
            continue;
        }
        for writer in writers.drain(..) {
            kill(writer);
            tally.kills += 1;
        }
        let id = IDS[random.below(4) as usize];
        let is_torn = !texts.knows(&dir.get(id));
        let php_wrote = php.as_mut().filter(|_| random.below(2) == 0).map(|php| {
            let (seed, len) = (random.below(1 << 30) as usize, length(&mut random));
            let piece = std::str::from_utf8(&texts.0[seed % 1000..][..len]).unwrap();
            let said = php.run(&format!(
                "session_id('{id}'); if (!@session_start()) {{ session_id('{id}'); session_start(); }} \
                 $_SESSION = ['n' => {seed}, 'p' => '{piece}']; return session_write_close();"
            ));
            assert_eq!(said, "true");
            tally.php += 1;
            tally.php_found_torn += u32::from(is_torn);
            texts.payload(seed, len)
        });
        for other in IDS {
            tally.torn += u32::from(!texts.knows(&dir.get(other)));
            let found = client.start(other).unwrap();
            client.close();
            assert!(texts.knows(&found), "{other}: {} bytes", found.len());
            if let Some(theirs) = php_wrote.as_ref().filter(|_| other == id) {
                assert!(found == *theirs, "what PHP wrote is lost");
            }
        }
    }
    for writer in writers {
        kill(writer);
    }
    for id in IDS {
        assert!(texts.knows(&client.start(id).unwrap()));
        client.close();
    }
    let journal = Journal::of(&dir);
    let left = journal.in_use();
    // PHP destroys what it finds torn, and whose file is gone may have a writer for a minute.
    assert!(with_php || left.is_empty(), "{left:?}");
    for index in left {
        journal.age(index, 120);
    }
    client.open().unwrap();
    client.gc(1440).unwrap();
    client.close();
    assert_eq!(client.events(), [""; 0]);
    assert_eq!(journal.in_use(), [0; 0]);
    tally
}

#[test]
fn f_73_killed_writers_leave_whole_sessions() {
    // shows: D-3, F-61, F-72
    let kills = soak::pick(60, 1000);
    let seed = soak::seed("kill -9 storm");
    let temporary = std::env::temp_dir();
    let ext4 = match is_ext4(&temporary) {
        true => None,
        false => Mounted::ext4(256),
    };
    let disk = ext4.as_ref().map_or(temporary.as_path(), Mounted::path);
    let mut torn = 0;
    for (base, name) in [(disk, "disk"), (Path::new("/dev/shm"), "tmpfs")] {
        for with_php in [false, true] {
            let tally = storm(base, kills, with_php, seed);
            soak::tell(&format!("storm: on {name}: {tally:?}"));
            assert!(tally.kills >= kills && (tally.php > 0) == with_php);
            torn += tally.torn;
        }
    }
    assert!(torn > 0, "no kill came at a moment that matters");
}

fn is_ext4(directory: &Path) -> bool {
    let path = std::ffi::CString::new(directory.as_os_str().as_encoded_bytes()).unwrap();
    // SAFETY: all-zero is a valid statfs, which the call fills in.
    let about = unsafe {
        let mut about = std::mem::zeroed::<libc::statfs64>();
        assert_eq!(libc::statfs64(path.as_ptr(), &mut about), 0);
        about
    };
    about.f_type as u32 == 0xEF53
}
