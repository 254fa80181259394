//! How many heap allocations a cycle of a recycled session makes: none.

use crate::kit::{Client, Dir};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that ends has no counter any more.
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

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
