//! A logout of a session with two names that is cut off at any system call: it is not done, or the session
//! is gone under both.

use super::kit::in_child;
use super::scene::{Before, Scene};
use super::soak;
use super::sweep::{Point, points};
use sess::codec::ROOT;
use sess::config::Profile;
use sess::engine::{Engine, Parts};
use sess::error::Result;
use sess::session::START_READ_AND_CLOSE;
use sess::sys::fault::{Plan, Record, with};
use sess::sys::seam::Kind;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

const ID: &str = "known-session-of-a-visitor";

struct Sweep {
    scene: Scene,
    now: i64,
}

impl Sweep {
    fn new() -> Sweep {
        let settings = [("sess.rotate_grace", "30"), ("sess.anon.rotate", "60")];
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Sweep {
            scene: Scene::new("logout", Profile::Libsess, &settings),
            now: since.as_secs() as i64 + 120,
        }
    }

    fn engine(&self) -> Engine {
        let now = self.now;
        let parts = Parts {
            clock: Some(Arc::new(move || now * 1000)),
            ..Parts::default()
        };
        Engine::new(self.scene.settings(), parts).unwrap()
    }

    /// A session that has just been rotated; its new id.
    fn prepare(&self) -> String {
        let before: Vec<Before> = vec![(ID, b"n|i:1;".to_vec(), 5)];
        self.scene.set(&before, true);
        let engine = self.engine();
        let mut session = Scene::visitor(&engine, ID);
        session.start(0).unwrap();
        session.close().unwrap();
        assert_eq!(self.names().len(), 2);
        session.id().to_string_lossy().into_owned()
    }

    fn names(&self) -> Vec<String> {
        let mut names = self.scene.dir.names();
        names.retain(|name| name.starts_with("sess_"));
        names
    }

    /// The visitor comes with `id` and logs out.
    fn run(&self, id: &str, plan: Option<Plan>) -> (Result<()>, Record) {
        let engine = self.engine();
        with(plan, || {
            let mut session = Scene::visitor(&engine, id);
            session.start(0)?;
            session.logout(0)
        })
    }

    fn is_there(&self, id: &str) -> bool {
        let engine = self.engine();
        let mut session = Scene::visitor(&engine, id);
        session.start(START_READ_AND_CLOSE).unwrap();
        session.data().count(ROOT) > 0
    }

    fn meet(&self, point: Point, with_old: bool) -> Option<String> {
        let new = self.prepare();
        let id = if with_old { ID } else { &new };
        let told = in_child(|| {
            let (result, _) = self.run(id, Some(point.plan()));
            assert_eq!(self.scene.locked(), [""; 0], "{point:?}");
            result.is_ok().to_string()
        });
        let there = [ID, &new].map(|id| self.is_there(id));
        let names = self.names();
        let is_right = match told.as_deref().map_err(String::as_str) {
            Ok("true") => there == [false, false] && names.is_empty(),
            Ok(_) | Err("killed by signal 9: ") => there[1] || !there[0],
            Err(_) => false,
        };
        (!is_right).then(|| format!("{point:?}: {told:?}, {there:?}, {names:?}"))
    }
}

#[test]
fn a_logout_that_is_cut_off_is_not_done_or_leaves_neither_id() {
    // shows: ASVS 7.4.1
    let said = in_child(|| {
        let sweep = Sweep::new();
        let (mut met, mut complaints) = (0, Vec::new());
        for with_old in [false, true] {
            let new = sweep.prepare();
            let (done, record) = sweep.run(if with_old { ID } else { &new }, None);
            done.unwrap();
            assert!(
                record
                    .calls
                    .iter()
                    .filter(|kind| **kind == Kind::Unlink)
                    .count()
                    >= 2
            );
            for point in points(&record.calls) {
                complaints.extend(sweep.meet(point, with_old));
                met += 1;
            }
        }
        format!("{met}\n{}", complaints.join("\n"))
    });
    let said = said.unwrap();
    let (met, complaints) = said.split_once('\n').unwrap();
    assert_eq!(complaints, "");
    soak::tell(&format!("logout: {met} faults"));
    assert!(met.parse::<usize>().unwrap() >= 100, "{met}");
}
