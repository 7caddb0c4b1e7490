//! The certificates that PayPal's webhooks are signed with here: a root, and a leaf of the name that PayPal's own has.
//! Both are made anew by each process, when they are first asked for.

use base64::{Engine, prelude::BASE64_STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, SigningKey,
};

/// The name on the certificates of PayPal's webhooks.
const LEAF_NAME: &str = "messageverificationcerts.paypal.com";
/// The name of the leaf's file, as in the URLs of PayPal's.
pub(crate) const FILE_NAME: &str = "CERT-360caa42-fca2a594-5edc0ebc";

/// A root, a leaf, and the leaf's key.
#[derive(Debug)]
pub(crate) struct Certificates {
    root: String,
    chain: String,
    key: KeyPair,
}

impl Certificates {
    /// New ones, of RSA with 2048 bits.
    ///
    /// # Errors
    /// The keys cannot be made.
    pub(crate) fn generate() -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named("Payment simulator root");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root = CertifiedIssuer::self_signed(params, KeyPair::generate_for(&PKCS_RSA_SHA256)?)?;

        let mut params = CertificateParams::new(vec![LEAF_NAME.to_owned()])?;
        params.distinguished_name = named(LEAF_NAME);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
        let leaf = params.signed_by(&key, &root)?;
        Ok(Self { chain: format!("{}{}", leaf.pem(), root.pem()), root: root.pem(), key })
    }

    /// The root, as PEM.
    pub(crate) fn root(&self) -> &str {
        &self.root
    }

    /// The leaf and the root, as PEM.
    pub(crate) fn chain(&self) -> &str {
        &self.chain
    }

    /// The leaf's signature under a message, RSA with SHA-256, in base 64.
    ///
    /// # Errors
    /// The key cannot sign.
    pub(crate) fn sign(&self, message: &str) -> Result<String, rcgen::Error> {
        Ok(BASE64_STANDARD.encode(self.key.sign(message.as_bytes())?))
    }
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name.push(DnType::OrganizationName, "Payment simulator, for tests only");
    name
}
