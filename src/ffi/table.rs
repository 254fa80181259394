//! A host's nine callbacks as a handler.

use super::borrow::{invalid, null};
use super::guard::outside;
use super::handle::host_code;
use super::types::{sess_call, sess_handler, sess_rc};
use super::user::User;
use crate::error::{Code, Error, Result};
use crate::handler::{Call, Handler, Offers};
use crate::sys::memory::text;
use std::ffi::{CStr, c_void};
use std::mem::{MaybeUninit, offset_of};

/// A copy of the host's table, with its `user`.
pub(super) struct Table {
    table: sess_handler,
    user: User,
}

/// A table that ends before its last required callback is none.
const SHORTEST: usize = offset_of!(sess_handler, create_sid);
/// No table of any version is larger; what says so is not a table.
const LONGEST: usize = 4096;

impl Table {
    /// Copy a table of any version: a shorter one lacks callbacks, a longer one must not use more than
    /// is known here.
    ///
    /// # Safety
    /// `table` is NULL or points at as many bytes as its first member says.
    pub(super) unsafe fn copy(table: *const sess_handler, user: User) -> Result<Table> {
        const OURS: usize = size_of::<sess_handler>();
        if table.is_null() {
            return Err(null("sess_options_set_handler: handler"));
        }
        // SAFETY: every version begins with its size.
        let size = unsafe { table.cast::<usize>().read_unaligned() };
        if size < SHORTEST {
            return Err(invalid("struct_size of sess_handler is not set"));
        }
        if size > LONGEST {
            return Err(from_the_future());
        }
        // SAFETY: the size is the caller's own.
        let bytes = unsafe { std::slice::from_raw_parts(table.cast::<u8>(), size) };
        if bytes.iter().skip(OURS).any(|byte| *byte != 0) {
            return Err(from_the_future());
        }
        let mut copy = MaybeUninit::<sess_handler>::zeroed();
        // SAFETY: at most the size of `copy` is written; zero is a valid value of every member, and so
        // is what the caller put into a member of this type.
        let table = unsafe {
            let len = size.min(OURS);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), copy.as_mut_ptr().cast::<u8>(), len);
            copy.assume_init()
        };
        for (missing, text) in [
            (table.open.is_none(), "the handler has no open callback"),
            (table.close.is_none(), "the handler has no close callback"),
            (table.read.is_none(), "the handler has no read callback"),
            (table.write.is_none(), "the handler has no write callback"),
            (
                table.destroy.is_none(),
                "the handler has no destroy callback",
            ),
            (table.gc.is_none(), "the handler has no gc callback"),
        ] {
            if missing {
                return Err(invalid(text));
            }
        }
        Ok(Table { table, user })
    }

    /// Call one of the nine and make an error of what it returns.
    fn call<F: Copy>(
        &self,
        name: &'static str,
        function: Option<F>,
        call: &mut Call,
        invoke: impl FnOnce(F, *mut c_void, *mut sess_call) -> sess_rc,
    ) -> Result<()> {
        let Some(function) = function else {
            let text = text!("the handler has no {name} callback");
            return Err(Error::new(Code::EUNSUPPORTED, text));
        };
        call.take_failure();
        let pointer = std::ptr::from_mut(call).cast();
        let code = outside(|| invoke(function, self.user.ptr(), pointer));
        let reason = call.take_failure().filter(|reason| reason.code.0 == code);
        if code == Code::OK.0 {
            return Ok(());
        }
        let mut error = reason.unwrap_or_else(|| Error::new(Code(code), ""));
        if error.text.is_empty() {
            error.text = text!("the {name} callback failed");
        }
        Err(error.with_code(host_code(code)))
    }
}

fn from_the_future() -> Error {
    let text = "sess_handler uses members that this library does not know";
    Error::new(Code::EVERSION, text)
}

// In every function below: SAFETY: the host promises that its function can be called with its `user`, and
// the rest lives until it returns.
impl Handler for Table {
    fn offers(&self) -> Offers {
        Offers {
            create_sid: self.table.create_sid.is_some(),
            validate_sid: self.table.validate_sid.is_some(),
            update_timestamp: self.table.update_timestamp.is_some(),
        }
    }

    fn open(&self, call: &mut Call, save_path: &CStr, session_name: &CStr) -> Result<()> {
        self.call("open", self.table.open, call, |open, user, call| {
            // SAFETY: see above.
            unsafe { open(user, call, save_path.as_ptr(), session_name.as_ptr()) }
        })
    }

    fn close(&self, call: &mut Call) -> Result<()> {
        // SAFETY: see above.
        self.call(
            "close",
            self.table.close,
            call,
            |close, user, call| unsafe { close(user, call) },
        )
    }

    fn read(&self, call: &mut Call, id: &CStr) -> Result<()> {
        // SAFETY: see above.
        self.call("read", self.table.read, call, |read, user, call| unsafe {
            read(user, call, id.as_ptr())
        })
    }

    fn write(&self, call: &mut Call, id: &CStr, data: &[u8]) -> Result<()> {
        // SAFETY: see above.
        self.call(
            "write",
            self.table.write,
            call,
            |write, user, call| unsafe {
                write(user, call, id.as_ptr(), data.as_ptr(), data.len())
            },
        )
    }

    fn destroy(&self, call: &mut Call, id: &CStr) -> Result<()> {
        // SAFETY: see above.
        self.call(
            "destroy",
            self.table.destroy,
            call,
            |destroy, user, call| unsafe { destroy(user, call, id.as_ptr()) },
        )
    }

    fn gc(&self, call: &mut Call, max_lifetime: i64) -> Result<i64> {
        let mut removed = -1;
        // SAFETY: see above.
        self.call("gc", self.table.gc, call, |gc, user, call| unsafe {
            gc(user, call, max_lifetime, &mut removed)
        })?;
        Ok(removed)
    }

    fn create_sid(&self, call: &mut Call) -> Result<()> {
        // SAFETY: see above.
        self.call(
            "create_sid",
            self.table.create_sid,
            call,
            |create, user, call| unsafe { create(user, call) },
        )
    }

    fn validate_sid(&self, call: &mut Call, id: &CStr) -> Result<()> {
        self.call(
            "validate_sid",
            self.table.validate_sid,
            call,
            |validate, user, call| {
                // SAFETY: see above.
                unsafe { validate(user, call, id.as_ptr()) }
            },
        )
    }

    fn update_timestamp(&self, call: &mut Call, id: &CStr, data: &[u8]) -> Result<()> {
        let update = self.table.update_timestamp;
        // SAFETY: see above.
        self.call(
            "update_timestamp",
            update,
            call,
            |update, user, call| unsafe {
                update(user, call, id.as_ptr(), data.as_ptr(), data.len())
            },
        )
    }
}
