//! The nine callbacks: what both built-in backends keep to, and what is the memory backend's own.

#![allow(unsafe_code, reason = "forks")]
#![allow(missing_docs)]

#[path = "files/kit.rs"]
mod kit;

use kit::{Client, Dir, in_child, refused};
use sess::backend::{files::Files, memory::Memory};
use sess::config::Profile;
use sess::error::Code;
use sess::handler::{Gates, Handler};
use sess::sys::cancel::CancelToken;
use sess::sys::memory::Counted;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Run a test on both backends, in each profile.
fn on_both(test: impl Fn(Client)) {
    let dir = Dir::new();
    for profile in [
        Profile::Libsess,
        Profile::Php82,
        Profile::Php86,
        Profile::Php5,
    ] {
        let backends: [Arc<dyn Handler>; 2] =
            [Arc::new(Memory::default()), Arc::new(Files::default())];
        for backend in backends {
            test(Client::new(backend, profile, dir.text()));
            for name in dir.names() {
                std::fs::remove_file(dir.0.join(name)).unwrap();
            }
        }
    }
}

/// Store `data` under `id` in a session of its own.
fn store(client: &Client, id: &str, data: &[u8]) {
    let mut client = client.another();
    client.call.create = true;
    client.open().unwrap();
    client.write(id, data).unwrap();
    client.close();
}

fn stored(client: &Client, id: &str) -> Result<Vec<u8>, sess::error::Error> {
    let mut client = client.another();
    client.call.create = false;
    client.call.read_only = true;
    client.patience(Duration::from_secs(60));
    let result = client.start(id);
    client.close();
    result
}

#[test]
fn bytes_come_back_as_they_were() {
    on_both(|mut client| {
        for data in [&b"n|i:1;"[..], b"", b"\0\xff|\n\0", &[b'x'; 70_000]] {
            store(&client, "abc", data);
            assert_eq!(client.start("abc").unwrap(), data);
            client.close();
            assert_eq!(stored(&client, "abc").unwrap(), data);
        }
    });
}

#[test]
fn both_are_native_and_offer_all_nine() {
    on_both(|client| {
        assert_eq!(client.handler.gates(), Gates::Native);
        let offers = client.handler.offers();
        assert!(offers.create_sid && offers.validate_sid && offers.update_timestamp);
    });
}

#[test]
fn unknown_ids_are_not_found_unless_they_are_to_be_made() {
    on_both(|mut client| {
        refused(client.start("abc"), Code::ENOTFOUND);
        refused(client.validate("abc"), Code::ENOTFOUND);
        refused(client.touch("abc"), Code::ENOTFOUND);
        client.destroy("abc").unwrap();
        client.close();
        client.call.create = true;
        assert_eq!(client.start("abc").unwrap(), b"");
        client.close();
        assert_eq!(stored(&client, "abc").unwrap(), b"");
        client.open().unwrap();
        client.validate("abc").unwrap();
    });
}

#[test]
fn fresh_ids_are_made_by_read_or_write_and_must_be_free() {
    on_both(|mut client| {
        store(&client, "taken", b"another's");
        client.call.fresh = true;
        assert_eq!(client.start("abc").unwrap(), b"");
        refused(stored(&client, "abc"), Code::ENOTFOUND);
        client.write("abc", b"mine").unwrap();
        client.close();
        assert_eq!(stored(&client, "abc").unwrap(), b"mine");
        client.open().unwrap();
        refused(client.write("taken", b"mine"), Code::EEXIST);
        client.close();
        client.call.create = true;
        refused(client.start("taken"), Code::EEXIST);
        assert_eq!(client.start("def").unwrap(), b"");
        assert_eq!(stored_while_held(&client, "def"), Code::ELOCKED);
        client.write("def", b"x").unwrap();
        client.close();
        assert_eq!(stored(&client, "taken").unwrap(), b"another's");
        assert_eq!(stored(&client, "def").unwrap(), b"x");
    });
}

#[test]
fn an_adopted_id_that_others_made_meanwhile_keeps_what_they_stored() {
    on_both(|mut client| {
        for create in [false, true] {
            client.call.fresh = false;
            client.call.create = false;
            refused(client.start("adopted"), Code::ENOTFOUND);
            // The driver adopts the id: nothing is stored under it as far as it knows.
            client.call.fresh = true;
            client.call.create = create;
            store(&client, "adopted", b"another's first");
            refused(client.write("adopted", b"ours"), Code::EEXIST);
            // Nothing is locked, and a second attempt fares no better.
            assert_eq!(stored(&client, "adopted").unwrap(), b"another's first");
            refused(client.write("adopted", b"ours"), Code::EEXIST);
            client.close();
            assert_eq!(stored(&client, "adopted").unwrap(), b"another's first");
            client.call.fresh = false;
            client.open().unwrap();
            client.destroy("adopted").unwrap();
            client.close();
        }
    });
}

#[test]
fn an_adopted_id_is_made_by_the_first_write_and_changed_by_the_next() {
    on_both(|mut client| {
        refused(client.start("adopted"), Code::ENOTFOUND);
        client.call.fresh = true;
        client.write("adopted", b"first").unwrap();
        assert_eq!(stored_while_held(&client, "adopted"), Code::ELOCKED);
        client.write("adopted", b"second").unwrap();
        client.close();
        assert_eq!(stored(&client, "adopted").unwrap(), b"second");
    });
}

#[test]
fn a_write_to_an_id_that_has_no_session_makes_none_unless_asked() {
    on_both(|mut client| {
        client.open().unwrap();
        refused(client.write("abc", b"x"), Code::ENOTFOUND);
        refused(stored(&client, "abc"), Code::ENOTFOUND);
        client.call.create = true;
        client.write("abc", b"x").unwrap();
        client.close();
        assert_eq!(stored(&client, "abc").unwrap(), b"x");
    });
}

fn stored_while_held(client: &Client, id: &str) -> Code {
    let mut client = client.another();
    client.call.fresh = false;
    client.patience(Duration::ZERO);
    client.start(id).unwrap_err().code
}

#[test]
fn callbacks_in_any_order_do_what_they_say() {
    on_both(|mut client| {
        client.open().unwrap();
        client.destroy("abc").unwrap();
        refused(client.write("abc", b"nobody's"), Code::ENOTFOUND);
        client.call.create = true;
        client.write("abc", b"one").unwrap();
        client.gc(1_000_000).unwrap();
        client.write("abc", b"two").unwrap();
        client.open().unwrap();
        assert_eq!(client.read("abc").unwrap(), b"two");
        assert_eq!(client.read("abc").unwrap(), b"two");
        client.touch("abc").unwrap();
        client.touch("abc").unwrap();
        client.write("def", b"other").unwrap();
        assert_eq!(client.read("abc").unwrap(), b"two");
        client.destroy("abc").unwrap();
        client.destroy("abc").unwrap();
        client.call.create = false;
        refused(client.read("abc"), Code::ENOTFOUND);
        client.call.create = true;
        client.write("abc", b"again").unwrap();
        client.close();
        client.close();
        assert_eq!(stored(&client, "abc").unwrap(), b"again");
        assert_eq!(stored(&client, "def").unwrap(), b"other");
    });
}

#[test]
fn i_10_bad_ids_are_refused() {
    on_both(|mut client| {
        client.call.create = true;
        for id in ["", "a_b", "../x", &"q".repeat(257)] {
            refused(client.start(id), Code::EBADID);
            assert_eq!(client.events(), ["ID_MALFORMED"]);
            refused(client.write(id, b"x"), Code::EBADID);
            refused(client.destroy(id), Code::EBADID);
            refused(client.validate(id), Code::ENOTFOUND);
            client.events();
        }
    });
}

#[test]
fn locks_exclude_until_close_destroy_or_open() {
    on_both(|mut client| {
        store(&client, "abc", b"data");
        type End = fn(&mut Client);
        let ends: [End; 4] = [
            |client| client.close(),
            |client| client.open().unwrap(),
            |client| drop(client.read("other")),
            |client| client.destroy("abc").unwrap(),
        ];
        for end in ends {
            client.start("abc").unwrap();
            let mut other = client.another();
            other.patience(Duration::ZERO);
            refused(other.start("abc"), Code::ELOCKED);
            refused(other.write("abc", b"x"), Code::ELOCKED);
            refused(other.destroy("abc"), Code::ELOCKED);
            other.call.read_only = true;
            refused(other.start("abc"), Code::ELOCKED);
            assert_eq!(client.read("abc").unwrap(), b"data");
            end(&mut client);
            let result = other.start("abc");
            assert!(result.is_ok() || result.unwrap_err().code == Code::ENOTFOUND);
            other.close();
        }
        refused(stored(&client, "abc"), Code::ENOTFOUND);
    });
}

#[test]
fn a_session_that_is_dropped_unlocks() {
    on_both(|client| {
        store(&client, "abc", b"data");
        let mut dropped = client.another();
        dropped.start("abc").unwrap();
        drop(dropped);
        assert_eq!(stored(&client, "abc").unwrap(), b"data");
    });
}

#[test]
fn waits_end_with_the_lock_the_deadline_or_the_token() {
    on_both(|client| {
        store(&client, "abc", b"0");
        let mut holder = client.another();
        holder.start("abc").unwrap();
        let mut other = client.another();
        let begun = Instant::now();
        other.patience(Duration::from_millis(30));
        refused(other.start("abc"), Code::ELOCKED);
        assert!(begun.elapsed() >= Duration::from_millis(30));
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::scope(|scope| {
            let token = Counted::new(CancelToken::default()).unwrap();
            let mut cancelled = client.another();
            cancelled.call.cancel = Some(token.clone());
            let waiting = scope.spawn(move || cancelled.start("abc"));
            std::thread::sleep(Duration::from_millis(20));
            token.fire();
            refused(waiting.join().unwrap(), Code::ECANCELED);
            let mut patient = client.another();
            patient.patience(Duration::from_secs(60));
            let waiting = scope.spawn(move || {
                let read = patient.start("abc");
                patient.close();
                read
            });
            std::thread::sleep(Duration::from_millis(20));
            holder.write("abc", b"1").unwrap();
            holder.close();
            assert_eq!(waiting.join().unwrap().unwrap(), b"1");
        });
        let token = Counted::new(CancelToken::default()).unwrap();
        token.fire();
        holder.start("abc").unwrap();
        other.call.cancel = Some(token);
        refused(other.start("abc"), Code::ECANCELED);
    });
}

#[test]
fn too_many_waiters_are_refused() {
    on_both(|client| {
        let client = client.with(|settings| settings.max_waiters = 1);
        store(&client, "abc", b"0");
        let mut holder = client.another();
        holder.start("abc").unwrap();
        std::thread::scope(|scope| {
            let mut first = client.another();
            scope.spawn(move || {
                first.patience(Duration::from_secs(60));
                // The other one may have come in between.
                while first
                    .start("abc")
                    .is_err_and(|error| error.code == Code::EBUSY)
                {}
                assert_eq!(first.read("abc").unwrap(), b"0");
            });
            kit::eventually("one waiter too many", || {
                let mut second = client.another();
                second.patience(Duration::from_millis(1));
                second.start("abc").unwrap_err().code == Code::EBUSY
            });
            holder.close();
        });
    });
}

#[test]
fn no_increment_is_lost() {
    on_both(|client| {
        store(&client, "abc", b"0");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let mut client = client.another();
                scope.spawn(move || {
                    for _ in 0..25 {
                        client.patience(Duration::from_secs(60));
                        let data = String::from_utf8(client.start("abc").unwrap()).unwrap();
                        let next = data.parse::<u32>().unwrap() + 1;
                        client.write("abc", next.to_string().as_bytes()).unwrap();
                        client.close();
                    }
                });
            }
        });
        assert_eq!(stored(&client, "abc").unwrap(), b"100");
    });
}

#[test]
fn f_27_gc_removes_what_is_old_and_not_locked() {
    on_both(|client| {
        for id in ["one", "two", "busy"] {
            store(&client, id, b"x");
        }
        let mut busy = client.another();
        busy.start("busy").unwrap();
        let mut collector = client.another();
        collector.open().unwrap();
        assert_eq!(collector.gc(3600).unwrap(), 0);
        assert_eq!(collector.gc(-1).unwrap(), 2);
        assert!(!collector.call.gc_more());
        refused(stored(&client, "one"), Code::ENOTFOUND);
        busy.close();
        assert_eq!(stored(&client, "busy").unwrap(), b"x");
    });
}

#[test]
fn new_ids_differ_and_follow_the_settings() {
    on_both(|client| {
        let mut client = client.with(|settings| {
            settings.sid_length = 40;
            settings.sid_bits_per_character = 5;
        });
        client.open().unwrap();
        let (first, second) = (client.create_sid().unwrap(), client.create_sid().unwrap());
        assert_ne!(first, second);
        assert!([first, second].iter().all(|id| id.len() == 40));
    });
}

#[test]
fn a_child_leaves_its_parents_session_alone() {
    on_both(|client| {
        store(&client, "abc", b"old");
        store(&client, "def", b"both");
        let mut held = client.another();
        held.start("abc").unwrap();
        in_child(|| {
            refused(held.write("abc", b"child's"), Code::EMISUSE);
            refused(held.destroy("abc"), Code::EMISUSE);
            refused(held.touch("abc"), Code::EMISUSE);
            held.close();
            assert_eq!(stored(&client, "def").unwrap(), b"both");
            String::new()
        })
        .unwrap();
        assert_eq!(stored_while_held(&client, "abc"), Code::ELOCKED);
        held.write("abc", b"parent's").unwrap();
        held.close();
        assert_eq!(stored(&client, "abc").unwrap(), b"parent's");
    });
}

#[test]
fn memory_belongs_to_its_engine() {
    let client = Client::new(Arc::new(Memory::default()), Profile::Libsess, "");
    store(&client, "abc", b"x");
    let other = Client::new(Arc::new(Memory::default()), Profile::Libsess, "");
    refused(stored(&other, "abc"), Code::ENOTFOUND);
}

#[test]
fn a_child_has_a_copy_of_the_memory_without_its_locks() {
    let client = Client::new(Arc::new(Memory::default()), Profile::Libsess, "");
    store(&client, "abc", b"x");
    let mut holder = client.another();
    holder.start("abc").unwrap();
    in_child(|| {
        assert_eq!(stored(&client, "abc").unwrap(), b"x");
        store(&client, "abc", b"child's");
        assert_eq!(stored(&client, "abc").unwrap(), b"child's");
        String::new()
    })
    .unwrap();
    holder.close();
    assert_eq!(stored(&client, "abc").unwrap(), b"x");
}

#[test]
fn a_payload_above_the_limit_is_refused() {
    on_both(|client| {
        store(&client, "abc", &[b'x'; 101]);
        let client = client.with(|settings| settings.max_data_bytes = 100);
        refused(stored(&client, "abc"), Code::ETOOBIG);
    });
}

#[test]
fn both_tell_when_a_session_was_made_and_used() {
    on_both(|mut client| {
        client.call.create = true;
        client.call.dated = true;
        client.call.now = Some(1_000_000_000_000);
        client.start("abc").unwrap();
        client.write("abc", b"n|i:1;").unwrap();
        client.close();
        client.call.now = Some(1_000_000_100_000);
        client.start("abc").unwrap();
        assert_eq!(client.call.times.touched, Some(1_000_000_000));
        client.touch("abc").unwrap();
        client.close();
        client.start("abc").unwrap();
        let times = client.call.times;
        assert_eq!(times.touched, Some(1_000_000_100));
        // A file system tells by its own clock when a file was made, if at all.
        let is_memory = times.created == Some(1_000_000_000);
        assert!(is_memory || times.created.is_none_or(|created| created > 1_700_000_000));
        client.close();
        client.open().unwrap();
        client.destroy("abc").unwrap();
        client.close();
    });
}
