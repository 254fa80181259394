//! Sessions as files, shared with PHP.

use crate::error::Result;
use crate::handler::{Call, Gates, Handler, Offers};
use std::ffi::CStr;

/// PHP's files module, hardened.
#[derive(Default)]
pub struct Files {}

#[allow(unused_variables)]
impl Handler for Files {
    fn gates(&self) -> Gates {
        Gates::Native
    }
    fn offers(&self) -> Offers {
        Offers {
            create_sid: true,
            validate_sid: true,
            update_timestamp: true,
        }
    }
    fn open(&self, call: &mut Call, save_path: &CStr, session_name: &CStr) -> Result<()> {
        todo!()
    }
    fn close(&self, call: &mut Call) -> Result<()> {
        todo!()
    }
    fn read(&self, call: &mut Call, id: &CStr) -> Result<()> {
        todo!()
    }
    fn write(&self, call: &mut Call, id: &CStr, data: &[u8]) -> Result<()> {
        todo!()
    }
    fn destroy(&self, call: &mut Call, id: &CStr) -> Result<()> {
        todo!()
    }
    fn gc(&self, call: &mut Call, max_lifetime: i64) -> Result<i64> {
        todo!()
    }
    fn create_sid(&self, call: &mut Call) -> Result<()> {
        todo!()
    }
    fn validate_sid(&self, call: &mut Call, id: &CStr) -> Result<()> {
        todo!()
    }
    fn update_timestamp(&self, call: &mut Call, id: &CStr, data: &[u8]) -> Result<()> {
        todo!()
    }
}
