//! As many sessions as a busy site has.

use crate::kit::{Client, Dir};
use crate::soak::{self, Random};
use std::fs;
use std::time::{Duration, SystemTime};

/// Each is found, changed and collected as if it were alone, and the collector's slices come to an end
/// with exactly the old ones gone.
// shows: F-27, F-52, F-77
#[test]
fn a_hundred_thousand_sessions() {
    const MANY: u64 = 100_000;
    let seed = soak::seed("100,000 sessions");
    let name = format!("libsess-many-{}", std::process::id());
    let dir = Dir::at(std::path::Path::new("/dev/shm").join(name));
    let old = SystemTime::now() - Duration::from_secs(9000);
    for number in 0..MANY {
        let file = fs::File::create(dir.file(&format!("id-{number}"))).unwrap();
        std::io::Write::write_all(&mut &file, format!("n|i:{number};").as_bytes()).unwrap();
        if number % 2 == 1 {
            file.set_modified(old).unwrap();
        }
    }
    let mut client = Client::php(dir.text());
    let mut random = Random(seed);
    for _ in 0..1000 {
        let number = random.below(MANY / 2) * 2;
        let id = format!("id-{number}");
        let found = client.start(&id).unwrap();
        let expected = format!("n|i:{number};");
        assert_eq!(&found[..expected.len()], expected.as_bytes());
        client
            .write(&id, format!("{expected}p|b:1;").as_bytes())
            .unwrap();
        client.close();
    }
    let mut removed = 0;
    client.open().unwrap();
    client.call.gc_budget = 20;
    for slice in 1.. {
        assert!(slice < MANY, "collecting does not end");
        client.call.set_gc_more(false);
        removed += client.gc(1440).unwrap();
        if !client.call.gc_more() {
            soak::tell(&format!(
                "100,000 sessions: {removed} old ones went in {slice} slices"
            ));
            break;
        }
    }
    client.close();
    assert_eq!(removed as u64, MANY / 2);
    let left = dir.names();
    assert_eq!(left.len() as u64, MANY / 2);
    let is_young = |name: &String| {
        let number = name.strip_prefix("sess_id-").unwrap();
        number.parse::<u64>().unwrap() % 2 == 0
    };
    assert!(left.iter().all(is_young));
    assert_eq!(client.events(), [""; 0]);
}
