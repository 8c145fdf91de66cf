//! Leaving a share together with its copy in this folder, when a person asks for that.

use types::ShareId;

use crate::follow::blocking;
use crate::task::Handle;
use crate::{Error, disk};

impl Handle {
    /// Forgets a share and deletes its folder. What cannot be deleted stays, and is told of.
    pub async fn unshare_and_delete(&self, share: ShareId) -> Result<(), Error> {
        let found = self.shared.store.read(move |view| crate::share(view, share)).await?;
        if found.only.is_some() {
            return Err(Error::Refused(
                "Only one file of that folder is shared, and the folder holds others. Leave the \
                 share and delete the file yourself."
                    .to_owned(),
            ));
        }
        self.unshare(share).await?;
        blocking(move || disk::delete_folder(&found.root)).await
    }
}
