//! Setting a hive up from the command line, without starting it.

use std::path::Path;
use std::sync::Arc;

use store::Store;
use types::Time;

use crate::{Client, Error, Places, open_folder, prepare, wire};

/// Gives the hive of this home its owner's name. A running hive is told; one that is not running is
/// made, if need be, and set up.
pub async fn init(home: Option<&Path>, name: &str) -> Result<Places, Error> {
    let places = Places::find(home)?;
    if let Ok(client) = Client::attach(home).await {
        let me: wire::Me = client.get("/me").await?;
        let body = wire::Onboarding {
            name: name.to_owned(),
            hue: me.person.map_or(0, |person| person.hue),
            hive_name: None,
            reach: client.status().await?.reach,
        };
        client.call::<wire::Me>(hyper::Method::PUT, "/onboarding", &body).await?;
        return Ok(places);
    }
    let chance = Box::new(rand::make_rng::<rand::rngs::StdRng>());
    let (store, opening) = Store::open(open_folder(&places)?, Arc::new(Time::now), chance)
        .map_err(|error| Error::of_store(error, &places))?;
    prepare(&store, &opening).await.map_err(|error| Error::of_store(error, &places))?;
    let name = name.to_owned();
    let named = store.write(move |tx| web::onboard(tx, &name)).await;
    store.close();
    named.map(|()| places).map_err(|error| Error::Problem {
        status: error.status.as_u16(),
        code: error.code.to_owned(),
        detail: error.detail,
        hint: error.hint,
    })
}
