/** A story in words, for whoever looks for what went wrong. */
import type { Act } from './model-acts.ts'
import type { Person } from './model.ts'
import type { Names } from './oracle-names.ts'

export function tellAct(act: Act, names: Names): string {
  const name = (person: Person) => names.person(person)
  switch (act.do) {
    case 'wait':
      return `${act.minutes} minutes pass`
    case 'restart':
      return 'the server is restarted'
    case 'post': {
      const to = act.mentions.length === 0 ? '' : ` to ${act.mentions.map(name).join(', ')}`
      const answer = act.replyTo === null ? '' : `, an answer to ${act.replyTo}`
      return `${name(act.by)} posts ${act.post} (${act.visibility}, ${act.language})${to}${answer}`
    }
    case 'boost':
      return `${name(act.by)} boosts ${act.of} as ${act.post} (${act.visibility})`
    case 'edit':
      return `${name(act.by)} edits ${act.of}, mentioning ${act.mentions.map(name).join(', ') || 'nobody'} (${act.language})`
    case 'follow': {
      const options = [
        ...(act.boosts === undefined ? [] : [act.boosts ? 'with boosts' : 'without boosts']),
        ...(act.bell === undefined ? [] : [act.bell ? 'with the bell' : 'without the bell']),
        ...(act.languages === undefined ? [] : [`in ${act.languages?.join(', ') ?? 'all languages'}`]),
      ]
      return [`${name(act.by)} follows ${name(act.to)}`, ...options].join(' ')
    }
    case 'mute': {
      const end = act.minutes === null ? 'for good' : `for ${act.minutes} minutes`
      return `${name(act.by)} mutes ${name(act.to)} ${end}${act.notifications ? ', notices too' : ''}`
    }
    default:
      if ('of' in act) return `${name(act.by)}: ${act.do} ${act.of}`
      return 'to' in act ? `${name(act.by)}: ${act.do} ${name(act.to)}` : `${name(act.by)}: ${act.do}`
  }
}
