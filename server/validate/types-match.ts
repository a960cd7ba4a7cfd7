// Two socket types → may an output of one feed an input of the other? (protocol: Type compatibility)

/** Equal; `*` on either side; or unions (`A,B`) that share a type. */
export function typesMatch(received: string, declared: string): boolean {
  if (received === declared) return true;
  const gives = partsOf(received);
  const takes = partsOf(declared);
  return gives.includes('*') || takes.includes('*') || gives.some((type) => takes.includes(type));
}

const partsOf = (type: string): string[] => type.split(',').map((part) => part.trim());
