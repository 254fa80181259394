//! A handler that records its calls and does what a script says, for tests of the driver.

use sess::error::{Code, Error, Result};
use sess::handler::{Call, Handler, Offers};
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::sync::Mutex;

/// Records over a table in memory.
pub struct Recorder {
    pub offers: Offers,
    pub inner: Mutex<Inner>,
}

#[derive(Default)]
pub struct Inner {
    pub calls: Vec<String>,
    pub store: BTreeMap<String, Vec<u8>>,
    /// (callback, which of its calls from 1, code): that call fails.
    pub failures: Vec<(&'static str, usize, Code)>,
    /// What others store under the first id that `validate_sid` does not know, right after it has said so.
    pub made_meanwhile: Option<Vec<u8>>,
    counts: BTreeMap<&'static str, usize>,
    ids: usize,
}

impl Recorder {
    pub fn new(optional: bool) -> Recorder {
        let offers = Offers {
            create_sid: optional,
            validate_sid: optional,
            update_timestamp: optional,
        };
        Recorder {
            offers,
            inner: Mutex::default(),
        }
    }

    pub fn with(self, id: &str, data: &str) -> Recorder {
        self.inner
            .lock()
            .unwrap()
            .store
            .insert(id.into(), data.into());
        self
    }

    pub fn failing(self, callback: &'static str, nth: usize, code: Code) -> Recorder {
        self.inner
            .lock()
            .unwrap()
            .failures
            .push((callback, nth, code));
        self
    }

    /// The calls since the last look, separated by blanks.
    pub fn calls(&self) -> String {
        std::mem::take(&mut self.inner.lock().unwrap().calls).join(" ")
    }

    pub fn stored(&self, id: &str) -> Option<String> {
        let inner = self.inner.lock().unwrap();
        inner
            .store
            .get(id)
            .map(|data| String::from_utf8_lossy(data).into_owned())
    }

    fn note(&self, callback: &'static str, arguments: String) -> Result<()> {
        let mut inner = self.inner.lock().unwrap();
        inner.calls.push(format!("{callback}{arguments}"));
        let count = inner.counts.entry(callback).or_default();
        *count += 1;
        let nth = *count;
        let failure = inner
            .failures
            .iter()
            .find(|(name, at, _)| *name == callback && *at == nth);
        match failure {
            Some((_, _, code)) => Err(Error::new(*code, format!("scripted: {callback}"))),
            None => Ok(()),
        }
    }
}

fn text(id: &CStr) -> String {
    id.to_string_lossy().into_owned()
}

impl Handler for Recorder {
    fn offers(&self) -> Offers {
        self.offers
    }
    fn open(&self, _call: &mut Call, _save_path: &CStr, _session_name: &CStr) -> Result<()> {
        self.note("open", String::new())
    }
    fn close(&self, _call: &mut Call) -> Result<()> {
        self.note("close", String::new())
    }
    fn read(&self, call: &mut Call, id: &CStr) -> Result<()> {
        self.note("read", format!("({})", text(id)))?;
        match self.inner.lock().unwrap().store.get(&text(id)) {
            Some(data) => call.set_data(data),
            None => Err(Error::new(Code::ENOTFOUND, "there is none")),
        }
    }
    fn write(&self, _call: &mut Call, id: &CStr, data: &[u8]) -> Result<()> {
        self.note(
            "write",
            format!("({},{})", text(id), String::from_utf8_lossy(data)),
        )?;
        self.inner
            .lock()
            .unwrap()
            .store
            .insert(text(id), data.to_vec());
        Ok(())
    }
    fn destroy(&self, _call: &mut Call, id: &CStr) -> Result<()> {
        self.note("destroy", format!("({})", text(id)))?;
        self.inner.lock().unwrap().store.remove(&text(id));
        Ok(())
    }
    fn gc(&self, call: &mut Call, max_lifetime: i64) -> Result<i64> {
        self.note("gc", format!("({max_lifetime},{}ms)", call.gc_budget))?;
        Ok(2)
    }
    fn create_sid(&self, call: &mut Call) -> Result<()> {
        self.note("create_sid", String::new())?;
        let mut inner = self.inner.lock().unwrap();
        inner.ids += 1;
        let id = format!("{:0>22}", inner.ids);
        drop(inner);
        call.set_id(id.as_bytes())
    }
    fn validate_sid(&self, _call: &mut Call, id: &CStr) -> Result<()> {
        self.note("validate_sid", format!("({})", text(id)))?;
        let mut inner = self.inner.lock().unwrap();
        if inner.store.contains_key(&text(id)) {
            return Ok(());
        }
        if let Some(data) = inner.made_meanwhile.take() {
            inner.store.insert(text(id), data);
        }
        Err(Error::new(Code::ENOTFOUND, "unknown"))
    }
    fn update_timestamp(&self, _call: &mut Call, id: &CStr, data: &[u8]) -> Result<()> {
        let data = String::from_utf8_lossy(data);
        self.note("update_timestamp", format!("({},{data})", text(id)))
    }
}
