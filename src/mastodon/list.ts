/** List. */
export interface ListShown {
  id: bigint
  title: string
  repliesPolicy: string
  exclusive: boolean
}

export function presentList({ id, title, repliesPolicy, exclusive }: ListShown) {
  return { id: id.toString(), title, replies_policy: repliesPolicy, exclusive }
}
