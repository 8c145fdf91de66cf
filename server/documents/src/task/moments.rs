//! What a document's task saves: the document's steps, and its moments with them.

use super::Task;
use crate::db::{self, Step};
use crate::disk::BoxFuture;
use crate::past;

impl Task {
    /// Saves a step of the document, and its moments with it.
    pub(super) fn save(
        &mut self,
        step: Option<Step>,
    ) -> BoxFuture<'static, Result<(), store::Error>> {
        let rows = self.past.take(step.is_none());
        let thins = self.past.grew_long();
        let store = self.shared.store.clone();
        let file = self.file;
        let change = move |tx: &mut store::Tx| {
            step.map_or(Ok(()), |step| db::save(tx, file, &step))?;
            past::db::save(tx, file, &rows)?;
            if thins { past::db::thin(tx, file) } else { Ok(()) }
        };
        Box::pin(async move { store.write(change).await })
    }

    /// Of many old moments, few stay.
    pub(super) async fn thin(&mut self) {
        let file = self.file;
        if self.past.is_long() && self.stopping.is_none() {
            let thin = move |tx: &mut store::Tx| past::db::thin(tx, file);
            if let Err(error) = self.shared.store.write(thin).await {
                tracing::warn!(%file, %error, "thinning the moments of a document");
            }
        }
    }
}
