//! The fault proxy between a function and what it talks to.

use odoo_sim::proxy::FaultProxy;
use reqwest::Url;

/// A proxy before the server that a URL names.
pub(crate) fn proxy_before(url: &str) -> FaultProxy {
    let url = Url::parse(url).expect("a URL");
    let host = url.host_str().expect("a host");
    FaultProxy::start((host, url.port().expect("a port")))
}

/// The URL as it leads through the proxy.
pub(crate) fn through(proxy: &FaultProxy, url: &str) -> String {
    let mut url = Url::parse(url).expect("a URL");
    let address = proxy.address();
    url.set_ip_host(address.ip()).expect("a host");
    url.set_port(Some(address.port())).expect("a port");
    // A URL without a path gets one; Odoo's is compared with what it was.
    url.as_str().trim_end_matches('/').to_owned()
}
