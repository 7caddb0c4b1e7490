/** The provider's form did not accept the card, before any order was sent. */
export class CardRefused extends Error {}
