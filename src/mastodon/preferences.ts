/** Preferences: the person's defaults under keys with colons, as the first web interface named them. */

export interface PreferencesShown {
  defaultPrivacy: string
  defaultSensitive: boolean
  defaultLanguage: string | null
}

export function presentPreferences(settings: PreferencesShown): Record<string, string | boolean | null> {
  return {
    'posting:default:visibility': settings.defaultPrivacy,
    'posting:default:sensitive': settings.defaultSensitive,
    'posting:default:language': settings.defaultLanguage,
    'posting:default:quote_policy': 'nobody',
    'reading:expand:media': 'default',
    'reading:expand:spoilers': false,
    'reading:autoplay:gifs': false,
  }
}
