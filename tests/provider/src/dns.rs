//! A name server on loopback that knows nothing but mail exchanges.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::MX;
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{lock, must};

/// What the server says of a domain.
#[derive(Clone, Debug)]
enum Zone {
    Exchanges(Vec<(u16, String)>),
    Broken,
    Silent,
}

/// The running server; dropping it stops it. A domain that it was not told about does not exist.
pub struct DnsServer {
    zones: Arc<Mutex<HashMap<String, Zone>>>,
    address: SocketAddr,
    _stop: DropGuard,
}

impl DnsServer {
    /// Starts on a free UDP port of 127.0.0.1.
    pub async fn start() -> Self {
        let socket = must(UdpSocket::bind("127.0.0.1:0").await, "no free port on 127.0.0.1");
        let address = must(socket.local_addr(), "the socket has no address");
        let zones = Arc::<Mutex<HashMap<String, Zone>>>::default();
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(serve(socket, Arc::clone(&zones))));
        Self { zones, address, _stop: stop.drop_guard() }
    }

    /// `ADDRESS:PORT`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The domain has these mail exchanges, the first preferred; none: it exists, and has no MX records.
    pub fn mx(&self, domain: &str, exchanges: &[&str]) {
        let exchanges = (1..).zip(exchanges).map(|(rank, name)| (rank * 10, format!("{name}.").replace("..", ".")));
        self.say(domain, Zone::Exchanges(exchanges.collect()));
    }

    /// SERVFAIL for the domain.
    pub fn broken(&self, domain: &str) {
        self.say(domain, Zone::Broken);
    }

    /// No answer at all about the domain.
    pub fn silent(&self, domain: &str) {
        self.say(domain, Zone::Silent);
    }

    fn say(&self, domain: &str, zone: Zone) {
        lock(&self.zones).insert(domain.to_lowercase(), zone);
    }
}

async fn serve(socket: UdpSocket, zones: Arc<Mutex<HashMap<String, Zone>>>) {
    let mut buffer = [0_u8; 1500];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let Some(asked) = buffer.get(..length).and_then(|bytes| Message::from_vec(bytes).ok()) else { continue };
        let Some(answer) = answer(&asked, &lock(&zones)).and_then(|answer| answer.to_vec().ok()) else { continue };
        let _ = socket.send_to(&answer, from).await;
    }
}

fn answer(asked: &Message, zones: &HashMap<String, Zone>) -> Option<Message> {
    let query = asked.queries.first()?.clone();
    let mut answer = Message::response(asked.metadata.id, asked.metadata.op_code);
    let name = query.name().to_ascii().trim_end_matches('.').to_lowercase();
    match zones.get(&name) {
        Some(Zone::Silent) => return None,
        Some(Zone::Broken) => answer.metadata.response_code = ResponseCode::ServFail,
        None => answer.metadata.response_code = ResponseCode::NXDomain,
        Some(Zone::Exchanges(exchanges)) if query.query_type() == RecordType::MX => {
            for (preference, exchange) in exchanges {
                let exchange = must(Name::from_str(exchange), "a mail exchange is no name");
                let data = RData::MX(MX::new(*preference, exchange));
                answer.add_answer(Record::from_rdata(query.name().clone(), 60, data));
            }
        }
        Some(Zone::Exchanges(_)) => {}
    }
    answer.add_query(query);
    Some(answer)
}
