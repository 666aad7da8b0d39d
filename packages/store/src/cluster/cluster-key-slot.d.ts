/** It comes without types: the slot of a key in a Redis Cluster. */
declare module "cluster-key-slot" {
  export default function calculateSlot(key: string): number;
}
