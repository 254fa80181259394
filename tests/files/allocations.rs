//! How many heap allocations a cycle of a recycled session makes: none. How much memory collecting takes.

use crate::kit::{Client, Dir};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
    /// Bytes that this thread allocated more than it freed, and the most there were.
    static HELD: Cell<(i64, i64)> = const { Cell::new((0, 0)) };
}

fn hold(bytes: i64) {
    let _ = HELD.try_with(|held| {
        let (now, most) = held.get();
        held.set((now + bytes, most.max(now + bytes)));
    });
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends has no counter any more.
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        hold(layout.size() as i64);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        hold(-(layout.size() as i64));
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How many allocations this thread has made.
pub fn allocations() -> u64 {
    COUNT.get()
}

#[test]
fn a_recycled_cycle_allocates_nothing() {
    let dir = Dir::new();
    dir.put("abc", &[b'x'; 2048], 0);
    let save_path = format!("0;0600;{}", dir.text());
    let mut client = Client::php(&save_path);
    let settings = client.call.settings.clone();
    let id = crate::kit::c("abc");
    let changed = [b'y'; 2000];
    for round in 0..3 {
        let before = COUNT.get();
        let handler = &*client.handler;
        let call = &mut client.call;
        call.recycle(&settings);
        handler.open(call, &client.save_path, c"PHPSESSID").unwrap();
        handler.validate_sid(call, &id).unwrap();
        handler.read(call, &id).unwrap();
        handler.update_timestamp(call, &id, &[]).unwrap();
        handler.write(call, &id, &changed).unwrap();
        handler.create_sid(call).unwrap();
        call.drop_data();
        handler.close(call).unwrap();
        let allocations = COUNT.get() - before;
        assert_eq!(allocations > 0, round == 0, "round {round}: {allocations}");
    }
}

/// Directories of a million files are collected, too: what is held does not grow with them.
#[test]
fn f_77_collecting_holds_nothing_for_each_file() {
    let dir = Dir::new();
    let client = Client::strict(dir.text());
    let mut rounds = Vec::new();
    for files in [200, 2000] {
        for number in 0..files {
            dir.put(&format!("{number:032}"), b"x", 9000 * (number % 2));
        }
        let mut client = client.another();
        client.call.gc_budget = 60_000;
        let before = HELD.get().0;
        HELD.set((before, before));
        client.open().unwrap();
        assert_eq!(client.gc(1440).unwrap(), files as i64 / 2);
        client.close();
        rounds.push(HELD.get().1 - before);
    }
    assert!(rounds[1] < 16 * 1024, "{rounds:?}");
    assert!((rounds[1] - rounds[0]).abs() < 1024, "{rounds:?}");
}
