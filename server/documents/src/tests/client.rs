//! A client as stock ones are: its own copy, the y-websocket protocol, offline edits.

use bytes::Bytes;
use types::{FileId, Generation};
use yrs::block::ClientID;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Text, TextRef, Transact, Update,
};

use crate::protocol::{self, Incoming};
use crate::varint::Reader;
use crate::{Connection, Error, Handle, Member, Outgoing};

pub(super) struct Client {
    doc: Doc,
    text: TextRef,
    pub(super) connection: Option<Connection>,
    pub(super) generation: Option<Generation>,
    /// Frames with edits that were sent, and acknowledged, on this connection.
    pub(super) sent: u64,
    pub(super) stored: u64,
    pub(super) synced: bool,
    pub(super) closed: Option<(u16, String)>,
    pub(super) conditions: Vec<serde_json::Value>,
    pub(super) states: Vec<(u64, u64, String)>,
    pub(super) was_denied: bool,
}

impl Client {
    pub(super) fn new(id: u32) -> Self {
        let doc = Doc::with_options(Options {
            offset_kind: OffsetKind::Utf16,
            ..Options::with_client_id(ClientID::new(u64::from(id)))
        });
        let text = doc.get_or_insert_text("content");
        Self {
            doc,
            text,
            connection: None,
            generation: None,
            sent: 0,
            stored: 0,
            synced: false,
            closed: None,
            conditions: Vec::new(),
            states: Vec::new(),
            was_denied: false,
        }
    }

    pub(super) async fn connect(
        &mut self,
        documents: &Handle,
        file: FileId,
        who: Member,
    ) -> Result<(), Error> {
        self.leave();
        let opened = documents.open(file).await?;
        let generation = *self.generation.get_or_insert(opened.generation);
        let connection = documents.join(file, who, Some(generation), true).await?;
        let hello = protocol::step_1(&self.doc.transact().state_vector().encode_v1());
        self.connection = Some(connection);
        self.send(hello).await;
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.connection = None;
        self.sent = 0;
        self.stored = 0;
        self.synced = false;
        self.closed = None;
    }

    pub(super) fn text(&self) -> String {
        self.text.get_string(&self.doc.transact())
    }

    pub(super) fn units(&self) -> u32 {
        self.text.len(&self.doc.transact())
    }

    /// Edits the own copy and sends the edit if there is a connection.
    pub(super) async fn edit(&mut self, at: u32, delete: u32, insert: &str) {
        let update = {
            let mut txn = self.doc.transact_mut();
            self.text.remove_range(&mut txn, at, delete);
            self.text.insert(&mut txn, at, insert);
            txn.commit();
            txn.encode_update_v1()
        };
        self.send_edit(protocol::update(&update)).await;
    }

    /// Edits the own copy; the frame is lost on the way.
    pub(super) fn edit_in_vain(&mut self, at: u32, insert: &str) {
        self.text.insert(&mut self.doc.transact_mut(), at, insert);
    }

    pub(super) async fn type_at_end(&mut self, insert: &str) {
        self.edit(self.units(), 0, insert).await;
    }

    pub(super) async fn send_edit(&mut self, frame: Bytes) {
        if self.connection.is_some() {
            self.sent += 1;
            self.send(frame).await;
        }
    }

    pub(super) async fn send(&mut self, frame: Bytes) {
        if let Some(connection) = &self.connection
            && connection.to_room.send(frame).await.is_err()
        {
            self.leave();
        }
    }

    /// Takes in everything that has come.
    pub(super) async fn pump(&mut self) {
        while let Some(next) = self.connection.as_mut().and_then(|line| line.from_room.try_recv()) {
            match next {
                Outgoing::Frame(frame) => self.take(&frame).await,
                Outgoing::Close { code, reason } => {
                    self.leave();
                    self.closed = Some((code, reason));
                }
            }
        }
    }

    pub(super) fn is_saved(&self) -> bool {
        self.connection.is_some() && self.synced && self.stored == self.sent
    }

    async fn take(&mut self, frame: &Bytes) {
        match protocol::read(frame).unwrap() {
            Incoming::Step1(vector) => {
                let vector = StateVector::decode_v1(vector).unwrap();
                let missing = self.doc.transact().encode_state_as_update_v1(&vector);
                self.send_edit(protocol::step_2(&missing)).await;
            }
            Incoming::Step2(update) => {
                self.apply(update);
                self.synced = true;
            }
            Incoming::Update(update) => self.apply(update),
            Incoming::Awareness(states) => self.take_states(states),
            Incoming::QueryAwareness | Incoming::Holds(_) => {}
            Incoming::Other => {
                let mut reader = Reader::new(frame);
                match reader.uint().unwrap() {
                    2 => self.was_denied = true,
                    100 => self.stored = reader.uint().unwrap(),
                    101 => {
                        let json = reader.text().unwrap();
                        self.conditions.push(serde_json::from_str(json).unwrap());
                    }
                    other => panic!("a frame of type {other}"),
                }
            }
        }
    }

    fn apply(&self, update: &[u8]) {
        self.doc.transact_mut().apply_update(Update::decode_v1(update).unwrap()).unwrap();
    }

    fn take_states(&mut self, states: &[u8]) {
        let mut reader = Reader::new(states);
        for _ in 0..reader.uint().unwrap() {
            let (client, clock) = (reader.uint().unwrap(), reader.uint().unwrap());
            self.states.push((client, clock, reader.text().unwrap().to_owned()));
        }
    }
}
