/** Who the shopper thinks of when it comes to her money: her bank, or PayPal. */

const BANK = { name: "your bank", capitalised: "Your bank", account: "your card", approve: "Confirm with your bank" };
const PAYPAL = { name: "PayPal", capitalised: "PayPal", account: "your PayPal account", approve: "Approve in PayPal" };

export function payerOf({ payment }) {
  return payment?.provider === "paypal" ? PAYPAL : BANK;
}
