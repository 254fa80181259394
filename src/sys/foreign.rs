//! Exceptions of other languages, caught where a host's function is called.
//!
//! `catch_unwind` ends the process when it meets one. So a frame of our own stands between: its personality
//! routine, which the unwinder asks what to do, stops what is not Rust's and lets Rust's panics by.

/// An exception of another language left the function, and was thrown away.
#[derive(Debug)]
pub struct Foreign;

#[cfg(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux",
    panic = "unwind"
))]
mod frame {
    use super::Foreign;
    use std::ffi::{c_int, c_void};

    type Function = unsafe extern "C-unwind" fn(*mut c_void);

    #[cfg(target_arch = "x86_64")]
    std::arch::global_asm!(
        ".pushsection .text.libsess_catching,\"ax\",@progbits",
        ".globl libsess_catching",
        ".hidden libsess_catching",
        ".globl libsess_caught",
        ".hidden libsess_caught",
        ".type libsess_catching,@function",
        "libsess_catching:",
        ".cfi_startproc",
        // Encoded as an indirect, relative reference: the library may lie anywhere.
        ".cfi_personality 0x9b, .Llibsess_personality",
        "sub rsp, 8",
        ".cfi_adjust_cfa_offset 8",
        "mov rax, rdi",
        "mov rdi, rsi",
        "call rax",
        "xor eax, eax",
        // The personality routine lets the exception come in here, in rax.
        "libsess_caught:",
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_endproc",
        ".size libsess_catching, . - libsess_catching",
        ".popsection",
        ".pushsection .data.rel.ro.libsess_personality,\"aw\",@progbits",
        ".p2align 3",
        ".Llibsess_personality:",
        ".quad {personality}",
        // NULL where no C++ runtime is linked.
        ".weak __cxa_begin_catch",
        ".weak __cxa_end_catch",
        ".globl libsess_cxx",
        ".hidden libsess_cxx",
        "libsess_cxx:",
        ".quad __cxa_begin_catch",
        ".quad __cxa_end_catch",
        ".popsection",
        personality = sym personality,
    );

    #[cfg(target_arch = "aarch64")]
    std::arch::global_asm!(
        ".pushsection .text.libsess_catching,\"ax\",@progbits",
        ".p2align 2",
        ".globl libsess_catching",
        ".hidden libsess_catching",
        ".globl libsess_caught",
        ".hidden libsess_caught",
        ".type libsess_catching,@function",
        "libsess_catching:",
        ".cfi_startproc",
        ".cfi_personality 0x9b, .Llibsess_personality",
        "stp x29, x30, [sp, #-16]!",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset x29, -16",
        ".cfi_offset x30, -8",
        "mov x29, sp",
        "mov x2, x0",
        "mov x0, x1",
        "blr x2",
        "mov x0, xzr",
        // The personality routine lets the exception come in here, in x0.
        "libsess_caught:",
        "ldp x29, x30, [sp], #16",
        ".cfi_def_cfa_offset 0",
        ".cfi_restore x29",
        ".cfi_restore x30",
        "ret",
        ".cfi_endproc",
        ".size libsess_catching, . - libsess_catching",
        ".popsection",
        ".pushsection .data.rel.ro.libsess_personality,\"aw\",@progbits",
        ".p2align 3",
        ".Llibsess_personality:",
        ".xword {personality}",
        // NULL where no C++ runtime is linked.
        ".weak __cxa_begin_catch",
        ".weak __cxa_end_catch",
        ".globl libsess_cxx",
        ".hidden libsess_cxx",
        "libsess_cxx:",
        ".xword __cxa_begin_catch",
        ".xword __cxa_end_catch",
        ".popsection",
        personality = sym personality,
    );

    // The first takes a function and its argument; what it gives back is NULL or a foreign exception.
    unsafe extern "C-unwind" {
        fn libsess_catching(function: Function, argument: *mut c_void) -> *mut c_void;
        static libsess_caught: u8;
        static libsess_cxx: [*mut c_void; 2];
    }

    // The unwinder's interface, the same for all languages (Itanium C++ ABI, level I).
    unsafe extern "C" {
        fn _Unwind_SetGR(context: *mut c_void, register: c_int, value: usize);
        fn _Unwind_SetIP(context: *mut c_void, address: usize);
        fn _Unwind_DeleteException(exception: *mut c_void);
    }
    const SEARCH_PHASE: c_int = 1;
    const HANDLER_FRAME: c_int = 4;
    const FORCED: c_int = 8;
    const FATAL_PHASE1: c_int = 3;
    const HANDLER_FOUND: c_int = 6;
    const INSTALL_CONTEXT: c_int = 7;
    const CONTINUE: c_int = 8;
    /// The register in which a handler finds the exception: rax, or x0.
    const EXCEPTION_REGISTER: c_int = 0;
    /// std has written it both ways round.
    const RUST: [u64; 2] = [
        u64::from_be_bytes(*b"MOZ\0RUST"),
        u64::from_le_bytes(*b"MOZ\0RUST"),
    ];

    /// What the unwinder asks at our frame. A thread that is cancelled goes by as well: nothing may stop it.
    unsafe extern "C" fn personality(
        version: c_int,
        actions: c_int,
        class: u64,
        exception: *mut c_void,
        context: *mut c_void,
    ) -> c_int {
        if version != 1 {
            return FATAL_PHASE1;
        }
        if RUST.contains(&class) || actions & FORCED != 0 {
            return CONTINUE;
        }
        if actions & SEARCH_PHASE != 0 {
            return HANDLER_FOUND;
        }
        if actions & HANDLER_FRAME == 0 {
            return CONTINUE;
        }
        // SAFETY: the context is the unwinder's, for this frame; the address is a place in this frame's code.
        unsafe {
            _Unwind_SetGR(context, EXCEPTION_REGISTER, exception as usize);
            _Unwind_SetIP(context, std::ptr::addr_of!(libsess_caught) as usize);
        }
        INSTALL_CONTEXT
    }

    /// What goes through the frame, which knows no types.
    struct Passage<F, T> {
        work: Option<F>,
        result: Option<T>,
    }

    unsafe extern "C-unwind" fn pass<F: FnOnce() -> T, T>(passage: *mut c_void) {
        // SAFETY: `catching` passes its own, which lives until this returns or unwinds.
        let passage = unsafe { &mut *passage.cast::<Passage<F, T>>() };
        if let Some(work) = passage.work.take() {
            passage.result = Some(work());
        }
    }

    pub(super) fn catching<F: FnOnce() -> T, T>(work: F) -> Result<T, Foreign> {
        let mut passage = Passage {
            work: Some(work),
            result: None,
        };
        // SAFETY: the function is made for this argument, which outlives the call.
        let exception = unsafe { libsess_catching(pass::<F, T>, (&raw mut passage).cast()) };
        match passage.result {
            Some(result) if exception.is_null() => Ok(result),
            _ => {
                // SAFETY: it was caught, and nobody else has it.
                unsafe { throw_away(exception) };
                Err(Foreign)
            }
        }
    }

    /// How a C++ handler begins and ends, if there is C++: linked with this library, also in a program without
    /// dynamic linking, or loaded since.
    fn cxx() -> [*mut c_void; 2] {
        // SAFETY: two addresses that never change; the names are terminated.
        unsafe {
            match libsess_cxx {
                linked if linked.iter().all(|part| !part.is_null()) => linked,
                _ => [c"__cxa_begin_catch", c"__cxa_end_catch"]
                    .map(|name| libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr())),
            }
        }
    }

    /// End an exception as a C++ handler would, where there is C++: its runtime counts those in flight.
    unsafe fn throw_away(exception: *mut c_void) {
        type Begin = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
        type End = unsafe extern "C-unwind" fn();
        let [begin, end] = cxx();
        // SAFETY: the names are those of the C++ ABI, and so are the types; the exception was caught.
        unsafe {
            if begin.is_null() || end.is_null() {
                return _Unwind_DeleteException(exception);
            }
            std::mem::transmute::<*mut c_void, Begin>(begin)(exception);
            std::mem::transmute::<*mut c_void, End>(end)();
        }
    }
}

/// Run `work`, which calls a function of the host's. A panic of Rust's goes on.
#[cfg(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux",
    panic = "unwind"
))]
pub fn catching<T>(work: impl FnOnce() -> T) -> Result<T, Foreign> {
    frame::catching(work)
}

/// Run `work`, which calls a function of the host's. There is no frame for this machine: an exception of
/// another language ends the process.
#[cfg(not(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_os = "linux",
    panic = "unwind"
)))]
pub fn catching<T>(work: impl FnOnce() -> T) -> Result<T, Foreign> {
    Ok(work())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    #[test]
    fn results_and_panics_go_by() {
        let text = String::from("kept");
        assert_eq!(catching(|| text.len()).unwrap(), 4);
        let panic = catch_unwind(|| catching(|| -> u8 { panic!("ours") })).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"ours"));
    }
}
